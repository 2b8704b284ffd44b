import { number, pad8, refuse, small } from '../reference-fields.ts';
import { referenceCrc32c } from '../reference-checksums.ts';

/** The frames of one direction of one connection, as FORMAT.md, "Sessions" says, one field after the other. Throws Refused. */
export function referenceSession(bytes: Uint8Array, from: 'source' | 'destination'): object[] {
  const frames: object[] = [];
  let at = 0;
  let isOver = false;
  while (at < bytes.length) {
    if (bytes.length - at < 80) refuse('STREAM_TRUNCATED', bytes.length);
    const type = header(bytes, at, frames.length);
    if (small(bytes, at + 8, 4) !== 48) refuse('STREAM_BAD_LENGTH', at + 8);
    const payload = bytes.subarray(at + 32, at + 80);
    if (small(bytes, at + 12, 4) !== referenceCrc32c(payload)) refuse('STREAM_PAYLOAD_CRC', at + 32);
    const frame = fields(bytes, at, type);
    const first = from === 'source' ? [0xc001, 0xc002] : [0xc003, 0xc004, 0xc005];
    const later = [0xc006, 0xc007, 0xc008];
    if (isOver || !(frames.length === 0 ? first : later).includes(type))
      refuse('STREAM_UNEXPECTED_FRAME', at);
    isOver = type === 0xc005;
    frames.push(frame);
    at += 80 + (type === 0xc006 ? small(bytes, at + 40, 4) : 0);
    if (at > bytes.length) refuse('STREAM_TRUNCATED', bytes.length);
  }
  return frames;
}

function header(bytes: Uint8Array, at: number, sequence: number): number {
  if (number(bytes, at, 4) !== 0x31504653n) refuse('STREAM_BAD_MAGIC', at);
  if (small(bytes, at + 28, 4) !== referenceCrc32c(bytes.subarray(at, at + 28)))
    refuse('STREAM_HEADER_CRC', at);
  if (number(bytes, at + 24, 4) !== 0n) refuse('STREAM_RESERVED', at + 24);
  const type = small(bytes, at + 4, 2);
  const flags = small(bytes, at + 6, 2);
  const isKnown = type >= 0xc001 && type <= 0xc008;
  if (flags > 1 || (isKnown && flags === 0)) refuse('STREAM_BAD_FLAGS', at + 6);
  if (!isKnown && flags === 1) refuse('STREAM_UNKNOWN_FRAME', at + 4);
  const length = small(bytes, at + 8, 4);
  // Bit 15: a control frame. Without it, what a session frame can be at most.
  if (length > (type >= 0x8000 ? 4096 : 80)) refuse('STREAM_LIMIT', at + 8);
  if (pad8(length) !== length) refuse('STREAM_BAD_LENGTH', at + 8);
  if (number(bytes, at + 16, 8) !== BigInt(sequence)) refuse('STREAM_SEQUENCE', at + 16);
  return type;
}

/** Which types have a position, a count, a detail, an id and a token. */
const HAVE: Readonly<Record<number, string>> = {
  0xc001: 'd',
  0xc002: 'pdt',
  0xc003: 'cdt',
  0xc004: 'pd',
  0xc005: 'd',
  0xc006: 'pc',
  0xc007: 'p',
  0xc008: 'p',
};

function fields(bytes: Uint8Array, start: number, type: number): object {
  const at = start + 32;
  const have = HAVE[type];
  if (have === undefined) return refuse('STREAM_UNEXPECTED_FRAME', start);
  const zero = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (bytes[at + i] !== 0) refuse('STREAM_RESERVED', at + from);
  };
  if (!have.includes('p')) zero(0, 8);
  else if (number(bytes, at, 8) >= 2n ** 53n) refuse('STREAM_BAD_VALUE', at);
  const count = small(bytes, at + 8, 4);
  if (!have.includes('c')) zero(8, 12);
  else if (type === 0xc006 && count === 0) refuse('STREAM_BAD_VALUE', at + 8);
  else if (count > (type === 0xc006 ? 4 * 1024 * 1024 : 86_400_000)) refuse('STREAM_LIMIT', at + 8);
  const detail = small(bytes, at + 12, 4);
  if (!have.includes('d')) zero(12, 16);
  else if (detail === 0 || (type === 0xc005 && detail > 3)) refuse('STREAM_BAD_VALUE', at + 12);
  else if (detail > 86_400_000) refuse('STREAM_LIMIT', at + 12);
  if (!have.includes('t')) {
    zero(16, 32);
    zero(32, 48);
  }
  return {
    type,
    position: Number(number(bytes, at, 8)),
    count,
    detail,
    ticket: Buffer.from(bytes.subarray(at + 16, at + 48)).toString('hex'),
  };
}
