import * as chunk from './chunk-payloads.ts';
import { FEATURE, KIND, lz4Of, type RawChunk } from './chunk-payloads.ts';
import * as payload from './payloads.ts';
import { TYPE } from './payloads.ts';
import { concat, joinFrames, pack, type RawFrame } from './raw-frames.ts';
import { referenceDigest } from './reference-checksums.ts';
import { page } from './sample-streams.ts';
import { tinyZstd } from './tiny-zstd.ts';
import type { Vector } from './vector-list.ts';

const { chunks: CHUNKS, lz4: LZ4, zstd: ZSTD, sameAs: SAME_AS, parent: PARENT } = FEATURE;
const full = CHUNKS | LZ4 | ZSTD | SAME_AS;

function frame(type: number, bytes: Uint8Array, flags = 1): RawFrame {
  return { type, payload: bytes, flags };
}

/** Header, regions and state of an image of four pages; the first frame of pages stands at 200, its payload at 232, its runs at 248. */
function head(required: number, parent?: Uint8Array): RawFrame[] {
  return [
    frame(TYPE.header, payload.header({ required })),
    ...(parent ? [frame(TYPE.parent, parent)] : []),
    frame(TYPE.regions, payload.regions([{}])),
    frame(TYPE.state, payload.state()),
  ];
}

function vector(
  name: string,
  about: string,
  expect: string,
  frames: readonly RawFrame[],
  reader?: 'full',
): Vector {
  const bytes = joinFrames(frames);
  return { name: `chunks-${name}`, about, from: 'file', expect, bytes, ...(reader ? { reader } : {}) };
}

/** One CHUNKS frame that is refused, so that END does not matter. */
function refused(
  name: string,
  about: string,
  expect: string,
  runs: readonly RawChunk[],
  over?: Parameters<typeof chunk.chunks>[1],
): Vector {
  return vector(name, about, expect, [...head(full), frame(TYPE.chunks, chunk.chunks(runs, over))], 'full');
}

function end(pages: readonly Uint8Array[], over: Parameters<typeof payload.end>[0]): RawFrame {
  const digest = pages.reduce((sum, bytes, index) => sum + referenceDigest(bytes, 0, index * 4096), 0n);
  return frame(TYPE.end, payload.end({ digest: BigInt.asUintN(64, digest), ...over }));
}

const lz4Page = lz4Of(7, 4096);
const fourPages = [page(1), page(2), page(2), page(3)];

const valid: readonly Vector[] = [
  vector('valid-data', 'Data and zero runs in a CHUNKS frame.', 'ok', [
    ...head(CHUNKS),
    frame(
      TYPE.chunks,
      chunk.chunks([
        { first: 2, count: 2, kind: KIND.zero },
        { first: 0, count: 2, kind: KIND.data, stored: concat([page(1), page(2)]) },
      ]),
    ),
    end([page(1), page(2), page(0), page(0)], { zeroPages: 2, dataBytes: 8192 }),
  ]),
  vector('valid-lz4', 'LZ4 blocks, one of them of four pages, with PAGES between.', 'ok', [
    frame(TYPE.header, payload.header({ required: CHUNKS | LZ4 })),
    frame(TYPE.regions, payload.regions([{ sizeBytes: 6 * 4096 }])),
    frame(TYPE.state, payload.state()),
    frame(TYPE.chunks, chunk.chunks([{ first: 5, count: 1, kind: KIND.lz4, stored: lz4Page }])),
    frame(TYPE.pages, payload.pages([[4, 1, 0]], page(9))),
    frame(TYPE.chunks, chunk.chunks([{ first: 0, count: 4, kind: KIND.lz4, stored: lz4Of(8, 16_384) }])),
    end([page(8), page(8), page(8), page(8), page(9), page(7)], {
      pages: 6,
      zeroPages: 0,
      dataBytes: 6 * 4096,
      frames: 6,
    }),
  ]),
  vector(
    'valid-zstd',
    'A Zstandard frame of one block that repeats a byte.',
    'ok',
    [
      ...head(CHUNKS | ZSTD),
      frame(
        TYPE.chunks,
        chunk.chunks([{ first: 0, count: 4, kind: KIND.zstd, stored: tinyZstd(5, 16_384) }]),
      ),
      end([page(5), page(5), page(5), page(5)], { zeroPages: 0, dataBytes: 16_384 }),
    ],
    'full',
  ),
  vector(
    'valid-same-as',
    'A page that came in an earlier frame.',
    'ok',
    [
      ...head(CHUNKS | SAME_AS),
      frame(
        TYPE.chunks,
        chunk.chunks([
          { first: 0, count: 2, kind: KIND.data, stored: concat([page(1), page(2)]) },
          { first: 3, count: 1, kind: KIND.data, stored: page(3) },
        ]),
      ),
      frame(TYPE.chunks, chunk.chunks([{ first: 2, count: 1, kind: KIND.sameAs, sourcePage: 1 }])),
      end(fourPages, { zeroPages: 0, dataBytes: 16_384, frames: 5 }),
    ],
    'full',
  ),
  vector(
    'valid-increment',
    'Pages as in the parent, a delta, a zero page and a new one.',
    'ok',
    [
      ...head(CHUNKS | LZ4 | PARENT, chunk.parent()),
      frame(
        TYPE.chunks,
        chunk.chunks([
          { first: 1, count: 1, kind: KIND.parent },
          { first: 0, count: 1, kind: KIND.deltaLz4, stored: lz4Of(0x41 ^ 0x42, 4096) },
          { first: 2, count: 1, kind: KIND.zero },
          { first: 3, count: 1, kind: KIND.lz4, stored: lz4Page },
        ]),
      ),
      end([page(0x42), page(0), page(0), page(7)], { zeroPages: 1, dataBytes: 8192, frames: 5 }),
    ],
    'full',
  ),
  vector(
    'valid-increment-pages',
    'An increment may have PAGES frames too, and deltas by Zstandard.',
    'ok',
    [
      ...head(CHUNKS | ZSTD | PARENT, chunk.parent()),
      frame(TYPE.pages, payload.pages([[2, 1, 0]], page(6))),
      frame(
        TYPE.chunks,
        chunk.chunks([
          { first: 0, count: 2, kind: KIND.deltaZstd, stored: tinyZstd(1, 8192) },
          { first: 3, count: 1, kind: KIND.parent },
        ]),
      ),
      end([page(0x40), page(1), page(6), page(0)], { zeroPages: 0, dataBytes: 12_288, frames: 6 }),
    ],
    'full',
  ),
  vector('valid-index', 'An index is passed over, whatever it says.', 'ok', [
    ...head(CHUNKS),
    frame(TYPE.chunks, chunk.chunks([{ first: 0, count: 4, kind: KIND.zero }])),
    frame(TYPE.index, pack([4, 9], [4, 9], [8, 9]), 0),
    frame(TYPE.end, payload.end({ frames: 5 })),
  ]),
];

const one: RawChunk = { first: 0, count: 1, kind: KIND.lz4, stored: lz4Page };

const framing: readonly Vector[] = [
  vector(
    'feature-zstd',
    'A reader without an unpacker does not know ZSTD.',
    'STREAM_FEATURE@40',
    head(CHUNKS | ZSTD),
  ),
  vector('feature-same-as', 'A reader that cannot read back.', 'STREAM_FEATURE@40', head(CHUNKS | SAME_AS)),
  vector('feature-parent', 'A reader without a parent.', 'STREAM_FEATURE@40', head(CHUNKS | PARENT)),
  vector('not-required', 'CHUNKS without the feature.', 'STREAM_UNEXPECTED_FRAME@200', [
    ...head(0),
    frame(TYPE.chunks, chunk.chunks([{ first: 0, count: 4, kind: KIND.zero }])),
  ]),
  vector(
    'parent-missing',
    'The feature PARENT without the frame.',
    'STREAM_UNEXPECTED_FRAME@64',
    head(CHUNKS | PARENT),
    'full',
  ),
  vector(
    'parent-unasked',
    'The frame without the feature.',
    'STREAM_UNEXPECTED_FRAME@64',
    head(CHUNKS, chunk.parent()),
    'full',
  ),
  vector(
    'index-required',
    'INDEX never has REQUIRED.',
    'STREAM_UNKNOWN_FRAME@204',
    [...head(CHUNKS), frame(TYPE.index, pack([8, 0]))],
    'full',
  ),
];

function parentVector(name: string, expect: string, bytes: Uint8Array): Vector {
  return vector(`parent-${name}`, `PARENT: ${name}.`, expect, head(CHUNKS | PARENT, bytes), 'full');
}

const parents: readonly Vector[] = [
  parentVector('length', 'STREAM_BAD_LENGTH@72', pack([8, 0])),
  parentVector('digest', 'STREAM_PARENT@96', chunk.parent({ digest: 1n })),
  parentVector('stream-id', 'STREAM_PARENT@104', chunk.parent({ streamId: new Uint8Array(16) })),
  parentVector('chain', 'STREAM_PARENT@120', chunk.parent({ chain: 2 })),
  parentVector('chain-max', 'STREAM_PARENT@120', chunk.parent({ chain: 64 })),
  parentVector('chain-none', 'STREAM_BAD_VALUE@120', chunk.parent({ chain: 0 })),
  parentVector('chain-long', 'STREAM_LIMIT@120', chunk.parent({ chain: 65 })),
  parentVector('reserved', 'STREAM_RESERVED@124', chunk.parent({ reserved: 1 })),
  vector(
    'parent-regions',
    'An increment with other regions than its parent.',
    'STREAM_PARENT@160',
    [
      frame(TYPE.header, payload.header({ required: CHUNKS | PARENT })),
      frame(TYPE.parent, chunk.parent()),
      frame(TYPE.regions, payload.regions([{ sizeBytes: 8192 }])),
    ],
    'full',
  ),
];

const tables: readonly Vector[] = [
  vector('empty', 'A CHUNKS payload of 8 bytes.', 'STREAM_BAD_LENGTH@208', [
    ...head(CHUNKS),
    frame(TYPE.chunks, pack([8, 0])),
  ]),
  refused('no-runs', 'No runs.', 'STREAM_BAD_VALUE@236', []),
  refused('region', 'A region that is not in the table.', 'STREAM_BAD_VALUE@232', [one], { region: 1 }),
  refused('run-count', 'More runs than the limit.', 'STREAM_LIMIT@236', [one], { runCount: 16_385 }),
  refused('run-count-max', 'A table that ends beyond the payload.', 'STREAM_BAD_LENGTH@208', [one], {
    runCount: 16_384,
  }),
  refused('table-crc', 'A table CRC that is wrong.', 'STREAM_BAD_VALUE@240', [one], { tableCrc: 1 }),
  refused('reserved', 'A reserved field.', 'STREAM_RESERVED@244', [one], { reserved: 1 }),
  refused('kind', 'An unknown kind.', 'STREAM_BAD_VALUE@260', [{ ...one, kind: 8 }]),
  refused('kind-feature', 'A kind whose feature is not required.', 'STREAM_BAD_VALUE@260', [
    { ...one, kind: KIND.parent },
  ]),
  refused('count-zero', 'A run without pages.', 'STREAM_BAD_VALUE@256', [{ ...one, count: 0 }]),
  refused('first-huge', 'A first page above 2^53.', 'STREAM_BAD_VALUE@248', [{ ...one, first: 2n ** 53n }]),
  refused('range', 'A run that ends beyond its region.', 'STREAM_PAGE_RANGE@248', [{ ...one, first: 4 }]),
  refused('stored-none', 'A compressed run without bytes.', 'STREAM_BAD_VALUE@264', [
    { ...one, stored: new Uint8Array() },
  ]),
  refused('stored-full', 'A compressed run as long as its pages.', 'STREAM_BAD_VALUE@264', [
    { ...one, stored: page(1) },
  ]),
  refused('stored-data', 'A data run that is too short.', 'STREAM_BAD_VALUE@264', [
    { ...one, kind: KIND.data },
  ]),
  refused('stored-zero', 'A zero run with bytes.', 'STREAM_BAD_VALUE@264', [{ ...one, kind: KIND.zero }]),
  refused('stored-crc-zero', 'A zero run with a CRC.', 'STREAM_RESERVED@268', [
    { first: 0, count: 1, kind: KIND.zero, storedCrc: 1 },
  ]),
  refused('source-unused', 'A source where there is none.', 'STREAM_RESERVED@272', [
    { ...one, sourcePage: 1 },
  ]),
  refused('source-region', 'A source region that does not exist.', 'STREAM_BAD_VALUE@272', [
    { first: 0, count: 1, kind: KIND.sameAs, sourceRegion: 1 },
  ]),
  refused('source-range', 'A source that ends beyond its region.', 'STREAM_PAGE_RANGE@276', [
    { first: 0, count: 2, kind: KIND.sameAs, sourcePage: 3 },
  ]),
  refused('length', 'Bytes behind the last run.', 'STREAM_BAD_LENGTH@208', [one], {
    tail: new Uint8Array(8),
  }),
];

const padded: RawChunk = { ...one, stored: tinyZstd(3, 4096), kind: KIND.zstd };

const contents: readonly Vector[] = [
  refused('padding', 'Padding that is not zero.', 'STREAM_RESERVED@293', [
    { ...padded, padding: Uint8Array.of(0, 0, 1) },
  ]),
  refused('stored-crc', 'A stored CRC that is wrong.', 'STREAM_BAD_VALUE@268', [{ ...one, storedCrc: 1 }]),
  refused('source-same-frame', 'A source in the same frame.', 'STREAM_BAD_VALUE@308', [
    one,
    { first: 1, count: 1, kind: KIND.sameAs, sourcePage: 0 },
  ]),
  refused('source-later', 'A source that has not come.', 'STREAM_BAD_VALUE@276', [
    { first: 1, count: 1, kind: KIND.sameAs, sourcePage: 0 },
  ]),
  vector(
    'source-chain',
    'A source that is itself in a same-as run.',
    'STREAM_BAD_VALUE@468',
    [
      ...head(full),
      frame(TYPE.chunks, chunk.chunks([{ ...one, stored: lz4Of(7, 4096) }])),
      frame(TYPE.chunks, chunk.chunks([{ first: 1, count: 1, kind: KIND.sameAs, sourcePage: 0 }])),
      frame(TYPE.chunks, chunk.chunks([{ first: 2, count: 1, kind: KIND.sameAs, sourcePage: 1 }])),
    ],
    'full',
  ),
  refused('repeated', 'A page twice in a frame.', 'STREAM_PAGE_REPEATED@280', [one, one]),
  vector(
    'repeated-later',
    'A page of a PAGES frame once more.',
    'STREAM_PAGE_REPEATED@304',
    [...head(full), frame(TYPE.pages, payload.pages([[0, 1, 1]])), frame(TYPE.chunks, chunk.chunks([one]))],
    'full',
  ),
  refused('lz4-short', 'An LZ4 block of fewer bytes.', 'STREAM_UNPACK@280', [
    { ...one, stored: lz4Of(7, 4095) },
  ]),
  refused('lz4-long', 'An LZ4 block of more bytes.', 'STREAM_UNPACK@280', [
    { ...one, stored: lz4Of(7, 4097) },
  ]),
  refused('lz4-distance', 'A match before the start.', 'STREAM_UNPACK@280', [
    { ...one, stored: lz4Page.with(2, 2) },
  ]),
  refused('lz4-distance-zero', 'A match of distance 0.', 'STREAM_UNPACK@280', [
    { ...one, stored: lz4Page.with(2, 0) },
  ]),
  refused('lz4-cut', 'An LZ4 block that is cut.', 'STREAM_UNPACK@280', [
    { ...one, stored: lz4Page.subarray(0, 12) },
  ]),
  refused('zstd-other', 'A Zstandard frame of another length.', 'STREAM_UNPACK@280', [
    { ...padded, stored: tinyZstd(3, 4095) },
  ]),
  refused('second-unpack', 'The second run does not unpack.', 'STREAM_UNPACK@344', [
    one,
    { ...padded, first: 1, stored: tinyZstd(3, 100) },
  ]),
];

export const chunkVectors: readonly Vector[] = [...valid, ...framing, ...parents, ...tables, ...contents];
