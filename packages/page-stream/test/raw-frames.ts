import { crc32c } from '../src/crc32c.ts';

/** One frame as bytes, right or wrong. What is not given is filled in rightly by `joinFrames`. */
export interface RawFrame {
  readonly type: number;
  readonly payload: Uint8Array;
  readonly flags?: number;
  readonly magic?: number;
  readonly payloadLength?: number;
  readonly payloadCrc?: number;
  readonly sequence?: number | bigint;
  readonly reserved?: number;
  readonly headerCrc?: number;
}

/** A number of 1, 2, 4 or 8 bytes, or bytes as they are. */
export type Field = readonly [size: 1 | 2 | 4 | 8, value: number | bigint] | Uint8Array | string;

/** Fields one after the other; strings as UTF-8. */
export function pack(...fields: readonly Field[]): Uint8Array {
  const parts = fields.map((field) => {
    if (field instanceof Uint8Array) return field;
    if (typeof field === 'string') return new TextEncoder().encode(field);
    const [size, value] = field;
    const eight = new Uint8Array(8);
    new DataView(eight.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
    return eight.subarray(0, size);
  });
  return concat(parts);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The stream: lengths, checksums and sequence numbers that a frame does not state are right. */
export function joinFrames(frames: readonly RawFrame[]): Uint8Array {
  const next = { image: 0, control: 0 };
  return concat(
    frames.map((frame) => {
      const sequence = frame.type >= 0x8000 ? next.control++ : next.image++;
      return frameBytes(frame, sequence);
    }),
  );
}

function frameBytes(frame: RawFrame, sequence: number): Uint8Array {
  const head = pack(
    [4, frame.magic ?? 0x31504653],
    [2, frame.type],
    [2, frame.flags ?? 1],
    [4, frame.payloadLength ?? frame.payload.length],
    [4, frame.payloadCrc ?? crc32c(frame.payload)],
    [8, frame.sequence ?? sequence],
    [4, frame.reserved ?? 0],
  );
  return concat([head, pack([4, frame.headerCrc ?? crc32c(head)]), frame.payload]);
}

/** Cuts a stream into frames as far as its headers say, with type, flags and payload as they are. */
export function splitFrames(stream: Uint8Array): RawFrame[] {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.byteLength);
  const frames: RawFrame[] = [];
  for (let at = 0; at + 32 <= stream.length; ) {
    const end = at + 32 + view.getUint32(at + 8, true);
    const type = view.getUint16(at + 4, true);
    frames.push({ type, flags: view.getUint16(at + 6, true), payload: stream.slice(at + 32, end) });
    at = end;
  }
  return frames;
}
