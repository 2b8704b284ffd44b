import type { StreamFrom } from '../src/frame-order.ts';
import type { Frame } from '../src/frames.ts';
import type { StreamLimits } from '../src/limits.ts';
import { referenceCrc32c } from './reference-checksums.ts';
import { fullFeatures, plainFeatures, type ReferenceParent } from './reference-chunks.ts';
import { number, Refused, refuse, small, zeros } from './reference-fields.ts';
import { type Image, type Located, readers } from './reference-payloads.ts';

export interface ReferenceResult {
  readonly frames: Frame[];
  readonly error: Refused | undefined;
  /** What each page holds that came, by `region:page`. */
  readonly pages: ReadonlyMap<string, Uint8Array>;
  /** What came so far, as END would state it. */
  readonly totals: { pages: number; zeroPages: number; dataBytes: number; digest: bigint };
}

/**
 * The oracle: FORMAT.md turned into code as plainly as possible. It takes a complete stream, knows nothing of chunks, and keeps every
 * page number in a set, so the limits must be low. Slow on purpose, and no code is shared with the decoder under test. With a parent
 * it knows every feature, without one what a decoder without options knows.
 */
export function referenceDecode(
  bytes: Uint8Array,
  from: StreamFrom,
  limits: StreamLimits,
  parent?: ReferenceParent,
): ReferenceResult {
  const frames: Frame[] = [];
  const image = emptyImage(from, limits, parent);
  let refused: Refused | undefined;
  try {
    decode(bytes, image, frames);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refused = error;
  }
  const pages = image.seen.reduce((sum, { size }) => sum + size, 0);
  const { zeroPages, dataBytes } = image;
  return {
    frames,
    error: refused,
    pages: image.pages,
    totals: { pages, zeroPages, dataBytes, digest: BigInt.asUintN(64, image.digest) },
  };
}

const imageFrames = new Set(['header', 'parent', 'regions', 'state', 'pages', 'end']);

const known: Record<number, string> = {
  0x0001: 'header',
  0x0002: 'regions',
  0x0003: 'state',
  0x0004: 'pages',
  0x0005: 'end',
  0x0009: 'chunks',
  0x000a: 'parent',
  0x8001: 'hello',
  0x8002: 'ack',
  0x8003: 'abort',
};

function emptyImage(from: StreamFrom, limits: StreamLimits, parent: ReferenceParent | undefined): Image {
  return {
    limits,
    from,
    regions: [],
    seen: [],
    zeroPages: 0,
    dataBytes: 0,
    digest: 0n,
    known: parent ? fullFeatures : plainFeatures,
    features: 0,
    parent,
    pages: new Map(),
    copies: new Set(),
  };
}

function decode(bytes: Uint8Array, image: Image, frames: Frame[]): void {
  const { from } = image;
  let offset = 0;
  while (offset < bytes.length) {
    if (isClosed(frames, from)) refuse('STREAM_TRAILING_BYTES', offset);
    const frame = readFrame(bytes, offset, frames, image);
    frames.push(frame);
    offset += 32 + frame.payloadBytes;
  }
  const abort = frames.find(({ type }) => type === 'abort');
  if (abort) refuse('STREAM_ABORTED', abort.offset);
  const wanted = from === 'destination' ? 'ack' : 'end';
  if (!frames.some(({ type }) => type === wanted)) refuse('STREAM_TRUNCATED', offset);
}

function isClosed(frames: readonly Frame[], from: StreamFrom): boolean {
  const last = frames.at(-1)?.type;
  return last === 'abort' || last === 'ack' || (last === 'end' && from === 'file');
}

function readFrame(bytes: Uint8Array, offset: number, frames: readonly Frame[], image: Image): Frame {
  if (bytes.length - offset < 32) refuse('STREAM_TRUNCATED', bytes.length);
  if (small(bytes, offset, 4) !== 0x31504653) refuse('STREAM_BAD_MAGIC', offset);
  const headerCrc = small(bytes, offset + 28, 4);
  if (headerCrc !== referenceCrc32c(bytes.subarray(offset, offset + 28))) refuse('STREAM_HEADER_CRC', offset);
  zeros(bytes, offset + 24, offset + 28);
  const type = small(bytes, offset + 4, 2);
  const flags = small(bytes, offset + 6, 2);
  const name = known[type];
  if (flags > 1) refuse('STREAM_BAD_FLAGS', offset + 6);
  if (name !== undefined && flags !== 1) refuse('STREAM_BAD_FLAGS', offset + 6);
  if (name === undefined && flags === 1) refuse('STREAM_UNKNOWN_FRAME', offset + 4);

  const control = type >= 0x8000;
  const payloadBytes = small(bytes, offset + 8, 4);
  if (payloadBytes > (control ? 4096 : image.limits.maxPayloadBytes)) refuse('STREAM_LIMIT', offset + 8);
  if (payloadBytes % 8 !== 0) refuse('STREAM_BAD_LENGTH', offset + 8);

  const before = frames.filter((frame) => isControl(frame) === control).length;
  if (number(bytes, offset + 16, 8) !== BigInt(before)) refuse('STREAM_SEQUENCE', offset + 16);
  if (!isAllowed(name, control, frames, image)) refuse('STREAM_UNEXPECTED_FRAME', offset);
  const skipped = frames.filter((frame) => frame.type === 'skipped').length;
  if (name === undefined && skipped === image.limits.maxSkippedFrames) refuse('STREAM_LIMIT', offset);

  const start = offset + 32;
  const end = start + payloadBytes;
  if (end > bytes.length) refuse('STREAM_TRUNCATED', bytes.length);
  if (small(bytes, offset + 12, 4) !== referenceCrc32c(bytes.subarray(start, end))) {
    refuse('STREAM_PAYLOAD_CRC', start);
  }
  const located: Located = { bytes, offset, start, end, sequence: before };
  const place = { offset, sequence: before, payloadBytes };
  const read = name === undefined ? undefined : readers[name];
  if (!read) return { ...place, type: 'skipped', frameType: type };
  return { ...place, ...read(located, image, frames) };
}

function isControl(frame: Frame): boolean {
  if (frame.type === 'skipped') return frame.frameType >= 0x8000;
  return !imageFrames.has(frame.type);
}

/** FORMAT.md, "Order". */
function isAllowed(
  name: string | undefined,
  control: boolean,
  frames: readonly Frame[],
  { from, features }: Image,
): boolean {
  const has = (type: string) => frames.some((frame) => frame.type === type);
  if (control) {
    if (from === 'file') return false;
    if (name === 'hello') return !has('hello');
    if (name === 'ack' && from === 'source') return false;
    return has('hello');
  }
  if (from === 'destination') return false;
  if (from === 'source' && !has('hello')) return false;
  if (name === undefined) return has('header') && !has('end');
  if (name === 'header') return !has('header');
  if (name === 'parent') return (features & 32) !== 0 && has('header') && !has('parent');
  if (name === 'regions') return has('header') && (!(features & 32) || has('parent')) && !has('regions');
  const stateDone = frames.some((frame) => frame.type === 'state' && frame.last);
  if (name === 'chunks' && !(features & 2)) return false;
  if (name === 'state') return has('regions') && !stateDone;
  return stateDone && !has('end');
}
