import { crc32c } from '../src/crc32c.ts';
import { concat, joinFrames, type RawFrame } from '../test/raw-frames.ts';
import type { Random } from './random.ts';

/** Values at which something changes. */
const edges = [
  0n,
  1n,
  2n,
  3n,
  4n,
  5n,
  7n,
  8n,
  9n,
  15n,
  16n,
  17n,
  255n,
  256n,
  1024n,
  1025n,
  4095n,
  4096n,
  4097n,
  8192n,
  16_384n,
  65_535n,
  65_536n,
  2n ** 21n,
  2n ** 22n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** Known, reserved and unknown. */
const types = [
  0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 0x70, 0x8000, 0x8001, 0x8002, 0x8003, 0x8004, 0x8005, 0x8006, 0x8007, 0x800e,
  0xffff,
];

const CHUNKS = 9;

/** Changes frames without regard for what they mean. Lengths and checksums follow when the frames are joined. */
type Mutation = (frames: RawFrame[], random: Random, others: readonly RawFrame[]) => void;

function anyFrame(frames: readonly RawFrame[], random: Random): number {
  return random.below(frames.length);
}

function change(frames: RawFrame[], random: Random, over: (frame: RawFrame) => Partial<RawFrame>): void {
  const at = anyFrame(frames, random);
  const frame = frames[at];
  if (frame) frames[at] = { ...frame, ...over(frame) };
}

function setField(payload: Uint8Array, random: Random): Uint8Array {
  if (payload.length === 0) return payload;
  const changed = payload.slice();
  const size = random.pick([1, 2, 4, 8]);
  // The fields of all layouts are near the start.
  const span = random.once(4) ? payload.length : Math.min(payload.length, 72);
  const at = Math.min(random.below(span), payload.length - 1);
  const aligned = at - (at % size);
  const value = random.once(4) ? BigInt(random.below(2 ** 32)) : random.pick(edges);
  for (let i = 0; i < size && aligned + i < changed.length; i++) {
    changed[aligned + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  return changed;
}

function resize(payload: Uint8Array, random: Random): Uint8Array {
  const delta = random.pick([-4096, -16, -8, -1, 1, 8, 16, 4096]);
  const resized = new Uint8Array(Math.max(0, payload.length + delta));
  resized.set(payload.subarray(0, resized.length));
  return resized;
}

const INDEX = 7;
const INDEX_HEAD_BYTES = 16;
const INDEX_ENTRY_BYTES = 24;

/** A field of an INDEX payload: of its head, an entry or its tail; or two entries change places. */
export function changeIndex(frames: RawFrame[], random: Random): void {
  const parts = frames.flatMap(({ type }, at) => (type === INDEX ? [at] : []));
  if (parts.length === 0) return;
  const at = random.pick(parts);
  const payload = frames[at]!.payload.slice();
  const entries = Math.floor((payload.length - 2 * INDEX_HEAD_BYTES) / INDEX_ENTRY_BYTES);
  const placeOf = (entry: number) => INDEX_HEAD_BYTES + entry * INDEX_ENTRY_BYTES;
  if (random.once(4) && entries > 1) {
    const [one, other] = [placeOf(random.below(entries)), placeOf(random.below(entries))];
    const kept = payload.slice(one, one + INDEX_ENTRY_BYTES);
    payload.copyWithin(one, other, other + INDEX_ENTRY_BYTES);
    payload.set(kept, other);
  } else {
    const size = random.pick([4, 8]);
    const field = random.below(payload.length / size) * size;
    const old = new DataView(payload.buffer).getUint32(field, true);
    const near = BigInt(Math.max(0, old + random.pick([-32, -8, -1, 1, 8, 32, 40])));
    const value = random.once(2) ? near : random.pick(edges);
    for (let i = 0; i < size; i++) payload[field + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  frames[at] = { ...frames[at]!, payload };
}

/** A field of a CHUNKS payload, with the table CRC and the stored CRCs put right, so that the checks behind them are met. */
function changeChunks(frames: RawFrame[], random: Random): void {
  const at = frames.findIndex(({ type, payload }) => type === CHUNKS && payload.length >= 48);
  const frame = frames[at];
  if (!frame) return;
  const payload = setField(frame.payload, random);
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const tableEnd = 16 + 32 * view.getUint32(4, true);
  if (tableEnd > payload.length) return;
  if (random.once(2)) {
    // Somewhere in the stored bytes: what unpacks them meets the damage.
    const stored = payload.length - tableEnd;
    if (stored > 0) payload[tableEnd + random.below(stored)] = random.below(256);
  }
  for (let run = 16, bytes = tableEnd; run < tableEnd; run += 32) {
    const length = view.getUint32(run + 16, true);
    if (length === 0 || bytes + length > payload.length) break;
    view.setUint32(run + 20, crc32c(payload.subarray(bytes, bytes + length)), true);
    bytes += length + ((8 - (length % 8)) % 8);
  }
  const head = crc32c(payload.subarray(0, 8));
  view.setUint32(8, crc32c(payload.subarray(16, tableEnd), head), true);
  frames[at] = { ...frame, payload };
}

const mutations: readonly Mutation[] = [
  changeIndex,
  changeChunks,
  changeChunks,
  changeChunks,
  changeChunks,
  (frames, random) => change(frames, random, ({ payload }) => ({ payload: setField(payload, random) })),
  (frames, random) => change(frames, random, ({ payload }) => ({ payload: setField(payload, random) })),
  (frames, random) => change(frames, random, ({ payload }) => ({ payload: resize(payload, random) })),
  (frames, random) => change(frames, random, () => ({ type: random.pick(types) })),
  (frames, random) => change(frames, random, () => ({ type: random.pick(types), flags: 0 })),
  (frames, random) => change(frames, random, () => ({ flags: random.below(5) })),
  (frames, random) => change(frames, random, () => ({ reserved: 1 << random.below(31) })),
  (frames, random) => change(frames, random, () => ({ sequence: random.pick(edges) })),
  (frames, random) =>
    change(frames, random, () => ({ payloadLength: Number(random.pick(edges) & 0xffffffffn) })),
  (frames, random) => change(frames, random, () => ({ payloadCrc: random.below(2 ** 32) })),
  (frames, random) => change(frames, random, () => ({ headerCrc: random.below(2 ** 32) })),
  (frames, random) => void frames.splice(anyFrame(frames, random), 1),
  (frames, random) => void frames.splice(anyFrame(frames, random), 0, random.pick(frames)),
  (frames, random, others) => void frames.splice(anyFrame(frames, random), 0, random.pick(others)),
  (frames, random) => void frames.push(...frames.splice(anyFrame(frames, random), 1)),
];

/** Changes the bytes themselves; nothing is put right again. */
function damage(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = random.below(bytes.length);
  if (random.once(3)) return bytes.subarray(0, at);
  if (random.once(3)) return concat([bytes, bytes.subarray(at, at + 1 + random.below(100))]);
  return bytes.with(at, random.below(256));
}

/** Frames with one change or a few. `others` are frames of other streams. */
export function mutateFrames(
  frames: readonly RawFrame[],
  others: readonly RawFrame[],
  random: Random,
): RawFrame[] {
  const mutated = [...frames];
  for (let left = 1 + random.below(3); left > 0 && mutated.length > 0; left--) {
    random.pick(mutations)(mutated, random, others);
  }
  return mutated;
}

/** The stream of these frames, sometimes damaged. */
export function joinMaybeDamaged(frames: readonly RawFrame[], random: Random): Uint8Array {
  const bytes = joinFrames(frames);
  return random.once(6) ? damage(bytes, random) : bytes;
}
