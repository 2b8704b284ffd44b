import type { MigrationFrom } from '../../src/index.ts';
import * as payload from '../payloads.ts';
import { TYPE, ZERO } from '../payloads.ts';
import { joinFrames, pack, type RawFrame } from '../raw-frames.ts';

/** A connection of a migration that every reader must take, or refuse in the same way. */
export interface MigrationVector {
  readonly name: string;
  readonly from: MigrationFrom;
  /** `ok`, or the code and the offset of the error. Written by hand from FORMAT.md, not computed. */
  readonly expect: string;
  readonly bytes: Uint8Array;
}

const MIGRATION = 64;
const STREAM_ID = Uint8Array.from({ length: 16 }, (_, index) => index);

const hello: RawFrame = { type: TYPE.hello, payload: payload.hello() };
const helloBack: RawFrame = { type: TYPE.hello, payload: payload.hello({ role: 2 }) };
const header: RawFrame = { type: TYPE.header, payload: payload.header({ required: MIGRATION }) };
const regions: RawFrame = { type: TYPE.regions, payload: payload.regions([{}]) };
const state: RawFrame = { type: TYPE.state, payload: payload.state() };
const pages: RawFrame = { type: TYPE.pages, payload: payload.pages([[0, 4, ZERO]]) };
const end: RawFrame = { type: TYPE.end, payload: payload.end() };

function round(over: { round?: number; reserved?: number } = {}): RawFrame {
  return { type: 0x0006, payload: pack([4, over.round ?? 1], [4, over.reserved ?? 0], [8, 4]) };
}

interface RawHandOver {
  readonly step?: number;
  readonly flags?: number;
  readonly tookUs?: number;
  readonly lanes?: number;
  readonly reserved?: number;
}

function handOver({ step = 1, flags = 0, tookUs = 0, lanes = 0, reserved = 0 }: RawHandOver = {}): RawFrame {
  return {
    type: 0x8007,
    payload: pack([4, step], [4, flags], [8, 7], [8, tookUs], [4, lanes], [4, reserved]),
  };
}

function request(
  over: { count?: number; reserved?: number; region?: number; pages?: number; first?: number } = {},
): RawFrame {
  return {
    type: 0x8005,
    payload: pack(
      [4, over.count ?? 1],
      [4, over.reserved ?? 0],
      [4, over.region ?? 0],
      [4, over.pages ?? 1],
      [8, over.first ?? 3],
    ),
  };
}

interface RawBitmap {
  readonly region?: number;
  readonly pages?: number;
  readonly first?: number;
  readonly last?: number;
  readonly reserved?: number;
  readonly bits?: number;
}

function bitmap({
  region = 0,
  pages: count = 4,
  first = 0,
  last = 1,
  reserved = 0,
  bits = 5,
}: RawBitmap = {}): RawFrame {
  return {
    type: 0x8006,
    payload: pack([4, region], [4, count], [8, first], [4, last], [4, reserved], [8, bits]),
  };
}

function lane(over: { purpose?: number; number?: number } = {}): RawFrame {
  return { type: 0x800e, payload: pack([4, over.purpose ?? 1], [4, over.number ?? 1], STREAM_ID) };
}

/** Where the frame behind `hello, header, regions` begins: 80 + 64 + 72. */
const source = (name: string, expect: string, ...frames: readonly RawFrame[]): MigrationVector => ({
  name,
  from: 'source',
  expect,
  bytes: joinFrames([hello, header, regions, ...frames]),
});

const onLane = (name: string, expect: string, ...frames: readonly RawFrame[]): MigrationVector => ({
  name,
  from: 'source-lane',
  expect,
  bytes: joinFrames([hello, ...frames]),
});

/** Where the frame behind HELLO begins: 80. */
const back = (name: string, expect: string, ...frames: readonly RawFrame[]): MigrationVector => ({
  name,
  from: 'destination',
  expect,
  bytes: joinFrames([helloBack, ...frames]),
});

export const migrationVectors: readonly MigrationVector[] = [
  source(
    'valid',
    'ok',
    pages,
    round(),
    pages,
    round({ round: 2 }),
    state,
    end,
    handOver({ lanes: 2 }),
    handOver({ step: 3 }),
  ),
  source('valid-state-first', 'ok', state, bitmap(), handOver({ flags: 1 }), pages, pages, end),
  source('valid-bitmap-parts', 'ok', bitmap({ last: 0, bits: 1 }), bitmap({ first: 1, pages: 3, bits: 7 })),
  source('state-twice', 'STREAM_UNEXPECTED_FRAME@280', state, state),
  source('after-end', 'STREAM_UNEXPECTED_FRAME@288', end, pages),
  source('chunks', 'STREAM_UNKNOWN_FRAME@220', { type: 0x0009, payload: pack([8, 0]) }),
  source('request-from-source', 'STREAM_UNEXPECTED_FRAME@216', request()),
  source('ack-from-source', 'STREAM_UNKNOWN_FRAME@220', { type: 0x8002, payload: payload.ack() }),
  source('lane-on-first', 'STREAM_UNEXPECTED_FRAME@216', lane()),
  source('round-zero', 'STREAM_BAD_VALUE@248', round({ round: 0 })),
  source('round-reserved', 'STREAM_RESERVED@252', round({ reserved: 1 })),
  source('round-length', 'STREAM_BAD_LENGTH@224', { type: 0x0006, payload: pack([8, 1]) }),
  source('hand-over-step', 'STREAM_BAD_VALUE@248', handOver({ step: 0 })),
  source('hand-over-step-high', 'STREAM_BAD_VALUE@248', handOver({ step: 8 })),
  source('hand-over-flags', 'STREAM_RESERVED@252', handOver({ flags: 2 })),
  source('hand-over-lazy-commit', 'STREAM_RESERVED@252', handOver({ step: 3, flags: 1 })),
  source('hand-over-time', 'STREAM_RESERVED@264', handOver({ tookUs: 1 })),
  source('hand-over-lanes-max', 'ok', handOver({ lanes: 16 })),
  source('hand-over-lanes', 'STREAM_LIMIT@272', handOver({ lanes: 17 })),
  source('hand-over-lanes-commit', 'STREAM_RESERVED@272', handOver({ step: 3, lanes: 1 })),
  source('hand-over-reserved', 'STREAM_RESERVED@276', handOver({ reserved: 1 })),
  source('bitmap-region', 'STREAM_BAD_VALUE@248', bitmap({ region: 1 })),
  source('bitmap-no-pages', 'STREAM_BAD_VALUE@252', bitmap({ pages: 0 })),
  source('bitmap-pages', 'STREAM_LIMIT@252', bitmap({ pages: 32_513 })),
  source('bitmap-range', 'STREAM_PAGE_RANGE@256', bitmap({ first: 1 })),
  source('bitmap-last', 'STREAM_BAD_VALUE@264', bitmap({ last: 2 })),
  source('bitmap-reserved', 'STREAM_RESERVED@268', bitmap({ reserved: 1 })),
  source('bitmap-padding', 'STREAM_RESERVED@273', bitmap({ bits: 0x100 })),
  source('bitmap-beyond', 'STREAM_RESERVED@272', bitmap({ bits: 0x10 })),
  { name: 'no-hello', from: 'source', expect: 'STREAM_UNEXPECTED_FRAME@0', bytes: joinFrames([header]) },
  {
    name: 'image',
    from: 'source',
    expect: 'STREAM_FEATURE@120',
    bytes: joinFrames([hello, { type: TYPE.header, payload: payload.header() }]),
  },
  {
    name: 'feature',
    from: 'source',
    expect: 'STREAM_FEATURE@120',
    bytes: joinFrames([hello, { type: TYPE.header, payload: payload.header({ required: MIGRATION | 2 }) }]),
  },
  onLane('lane-valid', 'ok', lane(), pages, round(), end),
  onLane('lane-requests', 'ok', lane({ purpose: 2 }), pages),
  onLane('lane-none', 'STREAM_UNEXPECTED_FRAME@80', pages),
  onLane('lane-twice', 'STREAM_UNEXPECTED_FRAME@136', lane(), lane()),
  onLane('lane-state', 'STREAM_UNEXPECTED_FRAME@136', lane(), state),
  onLane('lane-header', 'STREAM_UNEXPECTED_FRAME@136', lane(), header),
  onLane('lane-faults', 'ok', lane({ purpose: 4 })),
  onLane('lane-purpose', 'STREAM_BAD_VALUE@112', lane({ purpose: 5 })),
  onLane('lane-number', 'STREAM_BAD_VALUE@116', lane({ number: 0 })),
  back('back-valid', 'ok', handOver({ step: 2 }), request(), bitmap(), handOver({ step: 4, tookUs: 9 })),
  back('back-abort', 'ok', { type: TYPE.abort, payload: payload.abort() }),
  back(
    'back-after-abort',
    'STREAM_TRAILING_BYTES@144',
    { type: TYPE.abort, payload: payload.abort() },
    request(),
  ),
  back('back-pages', 'STREAM_UNEXPECTED_FRAME@80', pages),
  back('request-none', 'STREAM_BAD_VALUE@112', request({ count: 0 })),
  back('request-count', 'STREAM_LIMIT@112', request({ count: 256 })),
  back('request-reserved', 'STREAM_RESERVED@116', request({ reserved: 1 })),
  back('request-length', 'STREAM_BAD_LENGTH@88', request({ count: 2 })),
  back('request-region', 'STREAM_BAD_VALUE@120', request({ region: 1 })),
  back('request-no-pages', 'STREAM_BAD_VALUE@124', request({ pages: 0 })),
  back('request-range', 'STREAM_PAGE_RANGE@128', request({ first: 4 })),
];
