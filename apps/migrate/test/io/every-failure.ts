import { expect } from 'vitest';
import { CliError } from '../../src/cli-error.ts';
import { causesOf, exitCodeOf, exitCodes } from '../../src/exit-code.ts';
import { MemoryDisk, type Trouble } from './memory-disk.ts';

const OLD = Buffer.from('the image of yesterday');
const CODES = ['EIO', 'ENOSPC', 'EDQUOT'];
/** After these the file is there, and what could not be done is only tidying. */
const TIDYING: ReadonlySet<string> = new Set(['unlink', 'close directory']);

export interface Making {
  /** The name that the file, or the directory, is to have. */
  readonly path: string;
  /** Writes it; rejects when it cannot. */
  readonly make: (disk: MemoryDisk) => Promise<unknown>;
  /** Whether something with that name is replaced. Default true. */
  readonly replaces?: boolean;
  /** Room for so many bytes is tried, of so many that are written. Every number when not given. */
  readonly roomsTried?: (writtenBytes: number) => Iterable<number>;
}

/**
 * Lets every call fail once, and the disk be full at every byte: nothing new has a name, what had it is untouched, the exit code is 16, and
 * there is a hint. Gives how many failures there were.
 */
export async function expectNothingLeft(making: Making): Promise<number> {
  const whole = new MemoryDisk();
  await trial(making, whole);
  expect(whole.openCount).toBe(0);
  const troubles: Trouble[] = [];
  for (const call of whole.calls.keys()) for (const code of CODES) troubles.push({ call, code });
  const rooms = making.roomsTried?.(whole.writtenBytes) ?? Array(whole.writtenBytes).keys();
  for (const roomBytes of rooms) troubles.push({ roomBytes, code: CODES[roomBytes % CODES.length]! });
  for (const trouble of troubles) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await expectFailure(making, trouble);
  }
  return troubles.length;
}

async function expectFailure(making: Making, trouble: Trouble): Promise<void> {
  const { path, replaces = true } = making;
  const disk = new MemoryDisk(trouble);
  const error = await trial(making, disk).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  const failed = trouble.call === undefined ? 'write' : disk.calls[trouble.call]!;
  const isThere = TIDYING.has(failed);
  const told = causesOf(error).find((cause) => cause instanceof CliError);
  expect({
    ...trouble,
    calls: disk.calls,
    names: isThere ? disk.names.filter((name) => name === path) : disk.names,
    isOld: disk.read(path)?.equals(OLD) ?? false,
    openCount: disk.openCount,
    ending: error === undefined ? 'done' : exitCodeOf(error),
    hint: told?.hint,
  }).toEqual({
    ...trouble,
    calls: expect.arrayContaining([failed].filter((name) => name !== 'write')),
    names: isThere || replaces ? [path] : [],
    isOld: replaces && !isThere,
    openCount: 0,
    ending: isThere && error === undefined ? 'done' : exitCodes.localIo,
    hint: error === undefined ? undefined : expect.stringMatching(hintOf(trouble)),
  });
}

function hintOf({ code, roomBytes }: Trouble): RegExp {
  if (roomBytes === undefined) return /./;
  return code === 'EIO' ? /see dmesg/ : /There was room for .* of it/;
}

async function trial({ path, make, replaces = true }: Making, disk: MemoryDisk): Promise<void> {
  if (replaces) disk.put(path, OLD);
  await make(disk);
}

const EDGE_BYTES = 120;
const STRIDE_BYTES = 251;

/** Every byte of the first and the last frames, and some of what is between. */
export function* someRooms(writtenBytes: number): Generator<number> {
  const isEdge = (room: number) => room < EDGE_BYTES || room >= writtenBytes - EDGE_BYTES;
  for (let room = 0; room < writtenBytes; room += isEdge(room) ? 1 : STRIDE_BYTES) yield room;
}
