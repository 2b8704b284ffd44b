import type { SessionFrame } from '../../src/index.ts';
import { concat, pack, type RawFrame, joinFrames } from '../raw-frames.ts';

/** One direction of a connection of a session that every reader must take, or refuse in the same way. */
export interface SessionVector {
  readonly name: string;
  readonly from: 'source' | 'destination';
  /** `ok`, or the code and the offset of the error. Written by hand from FORMAT.md. */
  readonly expect: string;
  readonly bytes: Uint8Array;
}

const ID = Uint8Array.from({ length: 16 }, (_, index) => 0x10 + index);
const TOKEN = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
const NONE = new Uint8Array(16);

interface Fields {
  readonly position?: number | bigint;
  readonly count?: number;
  readonly detail?: number;
  readonly id?: Uint8Array;
  readonly token?: Uint8Array;
}

export function raw(type: number, fields: Fields = {}, over: Partial<RawFrame> = {}): RawFrame {
  const { position = 0, count = 0, detail = 0, id = NONE, token = NONE } = fields;
  return { type, payload: pack([8, position], [4, count], [4, detail], id, token), ...over };
}

const ticket = { id: ID, token: TOKEN };
const open = raw(0xc001, { detail: 10_000 });
const resume = raw(0xc002, { position: 144, detail: 10_000, ...ticket });
const granted = raw(0xc003, { count: 60_000, detail: 10_000, ...ticket });
const resumed = raw(0xc004, { position: 5_000_000_000, detail: 1 });
const received = raw(0xc007, { position: 1_048_576 });

/** The same in the words of the package. */
export const spoken: readonly { frame: SessionFrame; raw: RawFrame }[] = [
  { frame: { type: 'open', silenceMs: 10_000 }, raw: open },
  { frame: { type: 'resume', received: 144, silenceMs: 10_000, ...ticket }, raw: resume },
  { frame: { type: 'granted', waitMs: 60_000, silenceMs: 10_000, ...ticket }, raw: granted },
  { frame: { type: 'resumed', received: 5_000_000_000, silenceMs: 1 }, raw: resumed },
  { frame: { type: 'refused', reason: 'unknown' }, raw: raw(0xc005, { detail: 1 }) },
  { frame: { type: 'refused', reason: 'offset' }, raw: raw(0xc005, { detail: 2 }) },
  { frame: { type: 'refused', reason: 'full' }, raw: raw(0xc005, { detail: 3 }) },
  {
    frame: { type: 'data', at: 7, byteCount: 4_194_304 },
    raw: raw(0xc006, { position: 7, count: 4_194_304 }),
  },
  { frame: { type: 'received', at: 1_048_576 }, raw: received },
  { frame: { type: 'finished', at: 0 }, raw: raw(0xc008) },
];

function data(position: number, bytes: Uint8Array): Uint8Array[] {
  return [joinFrames([raw(0xc006, { position, count: bytes.length }, { sequence: 1 })]), bytes];
}

function source(name: string, expect: string, ...frames: readonly RawFrame[]): SessionVector {
  return { name, from: 'source', expect, bytes: joinFrames(frames) };
}

function destination(name: string, expect: string, ...frames: readonly RawFrame[]): SessionVector {
  return { name, from: 'destination', expect, bytes: joinFrames(frames) };
}

function flipped(at: number): Uint8Array {
  const bytes = joinFrames([open]);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

export const sessionVectors: readonly SessionVector[] = [
  source('valid-open', 'ok', open, received),
  source('valid-resume', 'ok', resume, raw(0xc008, { position: 2 ** 53 - 1 })),
  destination('valid-granted', 'ok', granted, received, raw(0xc008, { position: 280 })),
  destination('valid-granted-no-wait', 'ok', raw(0xc003, { detail: 86_400_000, ...ticket })),
  destination('valid-resumed', 'ok', resumed),
  destination('valid-refused', 'ok', raw(0xc005, { detail: 3 })),
  {
    name: 'valid-data',
    from: 'source',
    expect: 'ok',
    bytes: concat([joinFrames([open]), ...data(0, pack([8, 1], [2, 2]))]),
  },
  {
    name: 'data-cut',
    from: 'source',
    expect: 'STREAM_TRUNCATED@164',
    bytes: concat([joinFrames([open]), ...data(0, pack([8, 1], [2, 2]))]).subarray(0, 164),
  },
  { name: 'frame-cut', from: 'source', expect: 'STREAM_TRUNCATED@79', bytes: flipped(79).subarray(0, 79) },
  { name: 'magic', from: 'source', expect: 'STREAM_BAD_MAGIC@0', bytes: flipped(0) },
  { name: 'header-crc', from: 'source', expect: 'STREAM_HEADER_CRC@0', bytes: flipped(9) },
  { name: 'payload-crc', from: 'source', expect: 'STREAM_PAYLOAD_CRC@32', bytes: flipped(44) },
  source('header-reserved', 'STREAM_RESERVED@24', { ...open, reserved: 1 }),
  source('flags', 'STREAM_BAD_FLAGS@6', { ...open, flags: 3 }),
  source('not-required', 'STREAM_BAD_FLAGS@6', { ...open, flags: 0 }),
  source('type-unknown', 'STREAM_UNKNOWN_FRAME@4', raw(0xc009)),
  source('type-optional', 'STREAM_UNEXPECTED_FRAME@0', raw(0xc009, {}, { flags: 0 })),
  source('type-of-a-stream', 'STREAM_UNKNOWN_FRAME@4', raw(0x8001)),
  source('length-above', 'STREAM_LIMIT@8', { ...open, payload: new Uint8Array(4104) }),
  source('length-other', 'STREAM_BAD_LENGTH@8', { ...open, payload: new Uint8Array(56) }),
  source('length-odd', 'STREAM_BAD_LENGTH@8', { ...open, payloadLength: 44 }),
  source('sequence', 'STREAM_SEQUENCE@16', { ...open, sequence: 1 }),
  source('sequence-again', 'STREAM_SEQUENCE@96', open, { ...received, sequence: 0 }),
  source('open-position', 'STREAM_RESERVED@32', raw(0xc001, { position: 1, detail: 1 })),
  source('open-count', 'STREAM_RESERVED@40', raw(0xc001, { count: 1, detail: 1 })),
  source('open-silence-none', 'STREAM_BAD_VALUE@44', raw(0xc001)),
  source('open-silence-max', 'ok', raw(0xc001, { detail: 86_400_000 })),
  source('open-silence-above', 'STREAM_LIMIT@44', raw(0xc001, { detail: 86_400_001 })),
  source('open-id', 'STREAM_RESERVED@48', raw(0xc001, { detail: 1, id: ID })),
  source('open-token', 'STREAM_RESERVED@64', raw(0xc001, { detail: 1, token: TOKEN })),
  source('open-twice', 'STREAM_UNEXPECTED_FRAME@80', open, open),
  source(
    'resume-position',
    'STREAM_BAD_VALUE@32',
    raw(0xc002, { position: 2n ** 53n, detail: 1, ...ticket }),
  ),
  source('resume-count', 'STREAM_RESERVED@40', raw(0xc002, { count: 1, detail: 1, ...ticket })),
  source('resume-later', 'STREAM_UNEXPECTED_FRAME@80', open, resume),
  source('data-first', 'STREAM_UNEXPECTED_FRAME@0', raw(0xc006, { count: 1 })),
  source('data-none', 'STREAM_BAD_VALUE@120', open, raw(0xc006)),
  source('data-above', 'STREAM_LIMIT@120', open, raw(0xc006, { count: 4_194_305 })),
  source('data-detail', 'STREAM_RESERVED@124', open, raw(0xc006, { count: 1, detail: 1 })),
  source('data-token', 'STREAM_RESERVED@144', open, raw(0xc006, { count: 1, token: TOKEN })),
  source('received-position', 'STREAM_BAD_VALUE@112', open, raw(0xc007, { position: 2n ** 64n - 1n })),
  source('received-count', 'STREAM_RESERVED@120', open, raw(0xc007, { count: 1 })),
  source('finished-detail', 'STREAM_RESERVED@124', open, raw(0xc008, { detail: 1 })),
  source('granted-by-source', 'STREAM_UNEXPECTED_FRAME@0', granted),
  destination('open-by-destination', 'STREAM_UNEXPECTED_FRAME@0', open),
  destination('granted-position', 'STREAM_RESERVED@32', raw(0xc003, { position: 1, detail: 1, ...ticket })),
  destination('granted-wait-max', 'ok', raw(0xc003, { count: 86_400_000, detail: 1, ...ticket })),
  destination(
    'granted-wait-above',
    'STREAM_LIMIT@40',
    raw(0xc003, { count: 86_400_001, detail: 1, ...ticket }),
  ),
  destination('resumed-id', 'STREAM_RESERVED@48', raw(0xc004, { detail: 1, id: ID })),
  destination('refused-reason-none', 'STREAM_BAD_VALUE@44', raw(0xc005)),
  destination('refused-reason-above', 'STREAM_BAD_VALUE@44', raw(0xc005, { detail: 4 })),
  destination('refused-and-more', 'STREAM_UNEXPECTED_FRAME@80', raw(0xc005, { detail: 1 }), received),
];
