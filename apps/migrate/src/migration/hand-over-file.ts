import { open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import type { DestinationRecord, HandOverRecord, SourceRecord } from '@stillframe/migration';
import * as v from 'valibot';
import { CliError } from '../cli-error.ts';

/** Who one side of a migration is, as its file says. `migration` tells which one: 32 hexadecimal digits, the same on both sides. */
export type HandOverNote = { readonly migration?: string | undefined } & (
  | { readonly side: 'source'; readonly word: SourceRecord }
  | { readonly side: 'destination'; readonly word: DestinationRecord }
);

const FORMAT = 'stillframe-hand-over@1';

const anySide = {
  format: v.literal(FORMAT),
  migration: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
};

const schema = v.variant('side', [
  v.strictObject({ ...anySide, side: v.literal('source'), word: v.picklist(['owner', 'relinquished']) }),
  v.strictObject({
    ...anySide,
    side: v.literal('destination'),
    word: v.picklist(['none', 'prepared', 'owner', 'dropped']),
  }),
]);

/** Only the owner of the guest has anything to do with it. */
const MODE = 0o600;

/** More is no record. */
const MAX_BYTES = 4096;

/**
 * A file that says who a side is; each word replaces the one before it, durably. `streamId` is the migration's, asked for with each word: without it,
 * what an earlier migration left in the file would be taken for a word about this one. Rejects with what the file system refuses.
 */
export function handOverFile(
  side: 'source',
  file: string,
  streamId: () => Uint8Array,
): HandOverRecord<SourceRecord>;
export function handOverFile(
  side: 'destination',
  file: string,
  streamId: () => Uint8Array,
): HandOverRecord<DestinationRecord>;
export function handOverFile(
  side: HandOverNote['side'],
  file: string,
  streamId: () => Uint8Array,
): HandOverRecord<SourceRecord | DestinationRecord> {
  return {
    write: (word) => {
      const migration = Buffer.from(streamId()).toString('hex');
      return writeDurably(file, `${JSON.stringify({ format: FORMAT, side, migration, word })}\n`);
    },
  };
}

/** Before anything moves: the guest is the source's, and the file can be written. Throws CliError FILE. */
export async function beginRecord(record: HandOverRecord<SourceRecord>, file: string): Promise<void> {
  await record.write('owner').catch((cause: unknown) => {
    throw new CliError('FILE', `--record ${file} cannot be written`, {
      cause,
      hint: 'Name a file in a directory that you may write to.',
    });
  });
}

/** Throws CliError FILE for what cannot be read, USAGE for what is no record. */
export async function readHandOver(file: string): Promise<HandOverNote> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CliError('FILE', `cannot read ${file}`, {
      cause,
      hint: 'It was named by --record of that side. A destination writes it when it is ready to take the guest over: without it the guest is the source’s.',
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
