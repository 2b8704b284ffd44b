import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import type { DestinationRecord, HandOverRecord, SourceRecord } from '@stillframe/migration';
import * as v from 'valibot';
import { CliError } from '../cli-error.ts';

/** Who one side of a migration is, as its file says. */
export type HandOverNote =
  | { readonly side: 'source'; readonly word: SourceRecord }
  | { readonly side: 'destination'; readonly word: DestinationRecord };

const FORMAT = 'stillframe-hand-over@1';

const schema = v.variant('side', [
  v.strictObject({
    format: v.literal(FORMAT),
    side: v.literal('source'),
    word: v.picklist(['owner', 'relinquished']),
  }),
  v.strictObject({
    format: v.literal(FORMAT),
    side: v.literal('destination'),
    word: v.picklist(['none', 'prepared', 'owner', 'dropped']),
  }),
]);

/** Only the owner of the guest has anything to do with it. */
const MODE = 0o600;

/** More is no record. */
const MAX_BYTES = 4096;

/** A file that says who a side is; each word replaces the one before it, durably. Rejects with what the file system refuses. */
export function handOverFile(side: 'source', file: string): HandOverRecord<SourceRecord>;
export function handOverFile(side: 'destination', file: string): HandOverRecord<DestinationRecord>;
export function handOverFile(
  side: HandOverNote['side'],
  file: string,
): HandOverRecord<SourceRecord | DestinationRecord> {
  return {
    write: (word) => writeDurably(file, `${JSON.stringify({ format: FORMAT, side, word })}\n`),
  };
}

/** Throws CliError FILE for what cannot be read, USAGE for what is no record. */
export async function readHandOver(file: string): Promise<HandOverNote> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CliError('FILE', `cannot read ${file}`, {
      cause,
      hint: 'It was named by --record of that side.',
    });
  }
  const note = v.safeParse(schema, text.length > MAX_BYTES ? undefined : jsonOf(text));
  if (note.success) return note.output;
  throw new CliError('USAGE', `${file} is no record of a hand-over`, {
    hint: 'It was written by --record of `migrate source` or `migrate dest`.',
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whoever reads it sees the old text or the new one, also after the machine was switched off. */
async function writeDurably(file: string, text: string): Promise<void> {
  const temporary = `${file}.partial`;
  const handle = await open(temporary, 'w', MODE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const directory = await open(path.dirname(path.resolve(file)), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
