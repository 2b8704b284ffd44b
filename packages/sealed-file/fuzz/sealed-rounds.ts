import type { Random } from '../../page-stream/fuzz/random.ts';
import { openSealed, SealedFileError, SealKey } from '../src/index.ts';
import { unwrapDataKey, wrapDataKey } from '../src/data-key.ts';
import { decodeHeader } from '../src/header.ts';
import { HEADER_BYTES, TAG_BYTES } from '../src/limits.ts';
import { SegmentCipher } from '../src/segment.ts';
import { CHEAP, counted, KEY_FILE, keyFile, passphrase, sealed, SEGMENT } from '../test/support/files.ts';
import { naiveOpen } from '../test/support/naive.ts';

const STORED = SEGMENT + TAG_BYTES;
const PASSPHRASE = 'correct horse';
/** Values at and around the bounds of the header's fields. */
const EDGES = [0, 1, 2, 3, 9, 10, 11, 16, 17, 20, 21, 32, 33, 127, 128, 255];
const SEGMENTS = [0, 1, 2048, 4095, 4096, 4097, 8192, 65_536, 1_048_576, 1_048_577, 2_097_152, 2 ** 32 - 1];

interface Sample {
  readonly key: SealKey;
  readonly secret: { readonly passphrase: string } | { readonly keyFile: Buffer };
  readonly content: Buffer;
  readonly file: Buffer;
}

async function sample(sizeBytes: number, key: SealKey): Promise<Sample> {
  const content = counted(sizeBytes);
  const secret = key === keyFile ? { keyFile: KEY_FILE } : { passphrase: PASSPHRASE };
  return { key, secret, content, file: await sealed(content, key) };
}

/** Files of one key: a part of one is at home in no other. */
const corpus: readonly Sample[] = await Promise.all([
  sample(0, keyFile),
  sample(1, keyFile),
  sample(SEGMENT - 1, keyFile),
  sample(SEGMENT, keyFile),
  sample(SEGMENT + 1, keyFile),
  sample(4 * SEGMENT, keyFile),
  sample(4 * SEGMENT, keyFile),
  sample(3 * SEGMENT + 50, passphrase),
]);

/**
 * A changed sealed file: it is opened if and only if the naive reader opens it, with the same content; and whoever salvages it is given bytes of the
 * right content, or zeros that it is told of. Throws otherwise.
 */
export async function runSealedRound(random: Random): Promise<string> {
  const from = random.pick(corpus);
  const file = await changed(from, random);
  if (costsTooMuch(file)) return 'dear';
  const expected = attempt(() => naiveOpen(file, from.secret));
  const outcome = await readWhole(file, from.key, random);
  if (typeof outcome === 'string' ? expected !== undefined : !expected?.equals(outcome)) {
    throw new Error(
      `${typeof outcome === 'string' ? outcome : 'opened'}, and not as FORMAT.md says\n${file.toString('hex')}`,
    );
  }
  await salvage(file, from);
  return typeof outcome === 'string' ? outcome : 'opened';
}

/** Within the limits, but a second for each of the two readers. */
function costsTooMuch(file: Buffer): boolean {
  return file.length > 19 && file[11] === 1 && (file[16]! > CHEAP.log2N + 2 || file[17]! > 8);
}

/** For scrypt: RFC 7914. */
function isDefined(header: Buffer): boolean {
  const [log2N, r, p] = [header[16]!, header[17]!, header[18]!];
  return header[11] !== 1 || (log2N > 0 && log2N < 16 * r && p > 0);
}

async function changed(from: Sample, random: Random): Promise<Buffer> {
  let bytes: Buffer = Buffer.from(from.file);
  for (let left = random.below(3); left >= 0; left--) {
    const way = random.below(5);
    if (way === 0) setField(bytes, random);
    else if (way === 1) bytes = moveSegments(bytes, random);
    else if (way === 2) flip(bytes, random);
    else if (way === 3) bytes = resize(bytes, random);
    // oxlint-disable-next-line no-await-in-loop -- one change upon the other
    else bytes = await withAnotherHeader(bytes, from, random);
  }
  return bytes;
}

function setField(bytes: Buffer, random: Random): void {
  if (bytes.length < HEADER_BYTES) return;
  if (random.once(3)) bytes.writeUInt32LE(random.pick(SEGMENTS), 12);
  else bytes[random.once(2) ? 8 + random.below(16) : random.below(HEADER_BYTES)] = random.pick(EDGES);
}

function segmentsOf(file: Buffer): Buffer[] {
  const body = file.subarray(HEADER_BYTES);
  return Array.from({ length: Math.ceil(body.length / STORED) }, (_, at) =>
    body.subarray(at * STORED, (at + 1) * STORED),
  );
}

/** Leaves out, repeats, exchanges, or brings from another file. */
function moveSegments(file: Buffer, random: Random): Buffer {
  const segments = segmentsOf(file);
  if (segments.length === 0) return file;
  const at = random.below(segments.length);
  const other = random.once(2) ? segments : segmentsOf(random.pick(corpus).file);
  const some = random.pick(other);
  const way = random.below(4);
  if (way === 0) segments.splice(at, 1);
  else if (way === 1) segments.splice(at, 0, some);
  else if (way === 2) segments[at] = some;
  else segments.push(...segments.splice(at, 1));
  return Buffer.concat([file.subarray(0, HEADER_BYTES), ...segments]);
}

function flip(bytes: Buffer, random: Random): void {
  if (bytes.length === 0) return;
  const at = random.below(bytes.length);
  bytes[at]! ^= 1 << random.below(8);
}

function resize(bytes: Buffer, random: Random): Buffer {
  const whole = HEADER_BYTES + random.below(5) * STORED;
  const near = whole + random.pick([-1, 0, 1, TAG_BYTES - 1, TAG_BYTES, TAG_BYTES + 1]);
  const length = random.once(2) ? near : random.below(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, length), Buffer.alloc(Math.max(0, length - bytes.length))]);
}

/** The data key wrapped again, so that a changed header is authentic, and sometimes all segments with it: only who has the key could do that. */
async function withAnotherHeader(bytes: Buffer, { key, content }: Sample, random: Random): Promise<Buffer> {
  try {
    const before = Buffer.from(bytes.subarray(0, HEADER_BYTES));
    if (costsTooMuch(before)) return bytes;
    const dataKey = unwrapDataKey(before, await key.derive(decodeHeader(before)));
    const header = Buffer.from(before);
    setField(header, random);
    // What scrypt does not know cannot be derived, by whoever it may be.
    if (costsTooMuch(header) || !isDefined(header)) return bytes;
    // Not what the reader makes of it: it may refuse what could be derived.
    const cost = { log2N: header[16]!, r: header[17]!, p: header[18]! };
    const scrypt = header[11] === 1 ? cost : undefined;
    wrapDataKey(header, await key.derive({ ...decodeHeader(before), scrypt }), dataKey);
    if (random.once(2)) return Buffer.concat([header, bytes.subarray(HEADER_BYTES)]);
    return Buffer.concat([header, ...sealAgain(header, dataKey, content)]);
  } catch (error) {
    if (error instanceof SealedFileError) return bytes;
    throw error;
  }
}

function sealAgain(header: Buffer, dataKey: Uint8Array, content: Buffer): Buffer[] {
  const cipher = new SegmentCipher(dataKey, header);
  const size = Math.max(1024, header.readUInt32LE(12));
  const count = Math.max(1, Math.ceil(content.length / size));
  return Array.from({ length: count }, (_, at) => {
    const part = content.subarray(at * size, (at + 1) * size);
    return Buffer.concat(cipher.seal(at, [part], at === count - 1 ? content.length : undefined));
  });
}

/** The content, or the code of the refusal. */
async function readWhole(file: Buffer, key: SealKey, random: Random): Promise<Buffer | string> {
  try {
    const reader = await openSealed(readerOf(file), file.length, key);
    const content = Buffer.alloc(reader.sizeBytes);
    // In pieces of any size, from the front or from the back.
    const step = 1 + random.below(2 * SEGMENT);
    const starts = Array.from({ length: Math.ceil(content.length / step) }, (_, at) => at * step);
    for (const at of random.once(2) ? starts : starts.toReversed()) content.set(reader.readAt(at, step), at);
    return content;
  } catch (error) {
    if (error instanceof SealedFileError) return error.code;
    throw error;
  }
}

async function salvage(file: Buffer, { key, content }: Sample): Promise<void> {
  const told: { readonly offset: number; readonly length: number }[] = [];
  let rest: Uint8Array;
  try {
    const reader = await openSealed(readerOf(file), file.length, key, {
      onDamage: (range) => told.push(range),
    });
    rest = reader.readAt(0, reader.sizeBytes);
  } catch (error) {
    if (error instanceof SealedFileError) return;
    throw error;
  }
  const right = Buffer.alloc(rest.length);
  content.copy(right);
  for (const { offset, length } of told) {
    if (rest.subarray(offset, offset + length).some((byte) => byte !== 0))
      throw new Error('what is damaged is given out');
    right.fill(0, offset, offset + length);
  }
  if (!right.equals(rest)) throw new Error(`what is salvaged is not the content\n${file.toString('hex')}`);
}

function readerOf(file: Buffer): (offset: number, length: number) => Uint8Array {
  return (offset, length) => {
    // I-6: not a byte more than a segment is asked for, whatever the header says.
    if (length > SEGMENTS_READ_MAX) throw new Error(`${length} bytes at a time`);
    return file.subarray(offset, offset + length);
  };
}

const SEGMENTS_READ_MAX = 1_048_576 + TAG_BYTES;

function attempt(work: () => Buffer): Buffer | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
