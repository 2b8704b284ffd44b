import { crc32c } from './crc32c.ts';
import { PageStreamError } from './error.ts';
import { MAX_CONTROL_PAYLOAD_BYTES, type StreamLimits } from './limits.ts';
import { getU64, setU64 } from './u64.ts';

/** The only version of the format that this package reads and writes. */
export const FORMAT_VERSION = 1;

export const FRAME_HEADER_BYTES = 32;

/** "SFP1" */
const MAGIC = 0x31504653;

const REQUIRED = 1;

/** Types with this bit are control frames. */
const CONTROL = 0x8000;

/** Frame types that have a layout, by number (FORMAT.md, "Frames"). */
export const frameTypes = {
  STREAM_HEADER: 0x0001,
  REGION_TABLE: 0x0002,
  GUEST_STATE: 0x0003,
  PAGES: 0x0004,
  END: 0x0005,
  CHUNKS: 0x0009,
  PARENT: 0x000a,
  HELLO: 0x8001,
  ACK: 0x8002,
  ABORT: 0x8003,
} as const;

/** Frames of a migration stream only (FORMAT.md, "Migration streams"). */
export const migrationTypes = {
  ROUND_MARK: 0x0006,
  PAGE_REQUEST: 0x8005,
  RESUME_BITMAP: 0x8006,
  HAND_OVER: 0x8007,
  LANE: 0x800e,
} as const;

/** Where pages are: passed over by whoever reads from the start, like any frame that is not REQUIRED. */
export const INDEX_TYPE = 0x0007;

/** Types that have a name only, for a decoder. */
const reservedTypes = {
  INDEX: INDEX_TYPE,
  PADDING: 0x0008,
  CREDIT: 0x8004,
} as const;

const knownTypes = new Set<number>(Object.values(frameTypes));

const typeNames = new Map<number, string>(
  Object.entries({ ...frameTypes, ...migrationTypes, ...reservedTypes }).map(([name, type]) => [type, name]),
);

/** The name in FORMAT.md, or `UNKNOWN`. */
export function frameTypeName(type: number): string {
  return typeNames.get(type) ?? 'UNKNOWN';
}

export function isControlType(type: number): boolean {
  return (type & CONTROL) !== 0;
}

export interface FrameHeader {
  /** Byte offset of the frame in the stream. */
  readonly offset: number;
  readonly type: number;
  /** Whether this version defines a layout for `type`. */
  readonly known: boolean;
  readonly required: boolean;
  readonly payloadBytes: number;
  readonly payloadCrc: number;
  readonly sequence: number;
}

/** Writes a header of a type that this version defines to the start of `frame`. */
export function writeFrameHeader(
  frame: Uint8Array,
  header: { type: number; payloadBytes: number; payloadCrc: number; sequence: number; required?: boolean },
): void {
  const view = new DataView(frame.buffer, frame.byteOffset, FRAME_HEADER_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, header.type, true);
  view.setUint16(6, header.required === false ? 0 : REQUIRED, true);
  view.setUint32(8, header.payloadBytes, true);
  view.setUint32(12, header.payloadCrc, true);
  setU64(view, 16, header.sequence);
  view.setUint32(24, 0, true);
  view.setUint32(28, crc32c(frame.subarray(0, 28)), true);
}

/**
 * Reads and checks the header at the start of `bytes` (FRAME_HEADER_BYTES or more), which stands at `offset` of the stream.
 * Everything but sequence and order, which need to know what came before. `types`: those that have a layout here.
 */
export function readFrameHeader(
  bytes: Uint8Array,
  offset: number,
  limits: Pick<StreamLimits, 'maxPayloadBytes'>,
  types: ReadonlySet<number> = knownTypes,
): FrameHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEADER_BYTES);
  if (view.getUint32(0, true) !== MAGIC) {
    throw new PageStreamError('STREAM_BAD_MAGIC', offset, 'no frame begins here');
  }
  if (view.getUint32(28, true) !== crc32c(bytes.subarray(0, 28))) {
    throw new PageStreamError('STREAM_HEADER_CRC', offset, 'header CRC mismatch');
  }
  if (view.getUint32(24, true) !== 0) {
    throw new PageStreamError('STREAM_RESERVED', offset + 24, 'reserved header field is not zero');
  }
  const type = view.getUint16(4, true);
  const known = types.has(type);
  const required = checkFlags(view.getUint16(6, true), type, known, offset);
  const payloadBytes = checkPayloadLength(view.getUint32(8, true), type, offset, limits);
  const sequence = getU64(view, 16);
  if (sequence === undefined) {
    throw new PageStreamError('STREAM_SEQUENCE', offset + 16, 'sequence number above 2^53 - 1');
  }
  return { offset, type, known, required, payloadBytes, payloadCrc: view.getUint32(12, true), sequence };
}

function checkFlags(flags: number, type: number, known: boolean, offset: number): boolean {
  const required = (flags & REQUIRED) !== 0;
  if ((flags & ~REQUIRED) !== 0 || (known && !required)) {
    throw new PageStreamError('STREAM_BAD_FLAGS', offset + 6, `flags 0x${flags.toString(16)}`);
  }
  if (!known && required) {
    const message = `unknown frame type 0x${type.toString(16).padStart(4, '0')} is required`;
    throw new PageStreamError('STREAM_UNKNOWN_FRAME', offset + 4, message);
  }
  return required;
}

function checkPayloadLength(
  payloadBytes: number,
  type: number,
  offset: number,
  limits: Pick<StreamLimits, 'maxPayloadBytes'>,
): number {
  const max = isControlType(type) ? MAX_CONTROL_PAYLOAD_BYTES : limits.maxPayloadBytes;
  if (payloadBytes > max) {
    const message = `payload of ${payloadBytes} bytes is above the limit of ${max}`;
    throw new PageStreamError('STREAM_LIMIT', offset + 8, message);
  }
  if (payloadBytes % 8 !== 0) {
    const message = `payload length ${payloadBytes} is not a multiple of 8`;
    throw new PageStreamError('STREAM_BAD_LENGTH', offset + 8, message);
  }
  return payloadBytes;
}
