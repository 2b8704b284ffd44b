import { access, open, readFile, rename } from 'node:fs/promises';
import path from 'node:path';
import type { DestinationRecord, HandOverRecord, SourceRecord } from '@stillframe/migration';
import * as v from 'valibot';
import { CliError } from '../cli-error.ts';

/** Who one side of a migration is, as its file says. `migration` tells which one: 32 hexadecimal digits, the same on both sides. */
export type HandOverNote = {
  readonly migration?: string | undefined;
} /** `settled`: the destination has said that it owns the guest. */ & (
  | { readonly side: 'source'; readonly word: SourceRecord; readonly settled?: boolean | undefined }
  | { readonly side: 'destination'; readonly word: DestinationRecord }
);

const FORMAT = 'stillframe-hand-over@1';

const anySide = {
  format: v.literal(FORMAT),
  migration: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
};

const schema = v.variant('side', [
  v.strictObject({
    ...anySide,
    side: v.literal('source'),
    word: v.picklist(['owner', 'relinquished']),
    settled: v.optional(v.boolean()),
  }),
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
      return writeDurably(file, textOf({ side, migration, word }));
    },
  };
}

/**
 * Before anything moves: the guest is the source's, and the file can be written. Throws CliError FILE; REFUSED where the file is all that
 * tells how an earlier migration may have ended.
 */
export async function beginRecord(record: HandOverRecord<SourceRecord>, file: string): Promise<void> {
  await refuseUndecided(file);
  await record.write('owner').catch((cause: unknown) => {
    throw new CliError('FILE', `--record ${file} cannot be written`, {
      cause,
      hint: 'Name a file in a directory that you may write to.',
    });
  });
}

/** After the destination has said that it owns the guest: nobody needs to ask any more. Rejects with what the file system refuses. */
export function settleRecord(file: string, streamId: Uint8Array): Promise<void> {
  const migration = Buffer.from(streamId).toString('hex');
  return writeDurably(file, textOf({ side: 'source', migration, word: 'relinquished', settled: true }));
}

async function refuseUndecided(file: string): Promise<void> {
  // What is not there or cannot be read says nothing; what is something else is not replaced by a record.
  const isThere = await access(file).then(
    () => true,
    () => false,
  );
  const note = isThere ? await readHandOver(file) : undefined;
  if (note?.side !== 'source' || note.word !== 'relinquished' || note.settled === true) return;
  throw new CliError('REFUSED', `--record ${file} tells of a migration whose end is not known`, {
    hint: 'Its guest may be at the destination: ask with `migrate reconcile`, then remove the file, or name another one.',
  });
}

function textOf(note: object): string {
  return `${JSON.stringify({ format: FORMAT, ...note })}\n`;
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
