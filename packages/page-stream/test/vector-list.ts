import { chunkVectors } from './chunk-vectors.ts';
import type { StreamFrom } from '../src/frame-order.ts';
import * as payload from './payloads.ts';
import { DATA, type RawRun, TYPE, ZERO } from './payloads.ts';
import { joinFrames, pack, type RawFrame } from './raw-frames.ts';
import { destinationStream, exampleStream, page, richStream, sourceStream } from './sample-streams.ts';

/** A stream that every reader must take, or refuse in the same way. */
export interface Vector {
  readonly name: string;
  readonly about: string;
  readonly from: StreamFrom;
  /** `ok`, or the code and the offset of the error. Written by hand from FORMAT.md, not computed. */
  readonly expect: string;
  /** `full`: read by a reader that knows every feature and whose parent is the image of `valid-example`. */
  readonly reader?: 'full';
  readonly bytes: Uint8Array;
}

/** Four zero pages: the smallest image with pages. Frames start at 0, 64, 136, 200 and 256; its length is 328. */
export const smallImage: readonly RawFrame[] = [
  { type: TYPE.header, payload: payload.header() },
  { type: TYPE.regions, payload: payload.regions([{}]) },
  { type: TYPE.state, payload: payload.state() },
  { type: TYPE.pages, payload: payload.pages([[0, 4, ZERO]]) },
  { type: TYPE.end, payload: payload.end() },
];

const hello: RawFrame = { type: TYPE.hello, payload: payload.hello() };
const helloBack: RawFrame = { type: TYPE.hello, payload: payload.hello({ role: 2 }) };
const optional: RawFrame = { type: 0x0007, flags: 0, payload: pack([8, 7]) };
const optionalControl: RawFrame = { type: 0x8004, flags: 0, payload: pack([8, 7]) };
const abort: RawFrame = { type: TYPE.abort, payload: payload.abort() };
const ack: RawFrame = { type: TYPE.ack, payload: payload.ack() };

/** The small image with one frame changed. */
function changed(index: number, over: Partial<RawFrame>): Uint8Array {
  return joinFrames(smallImage.map((frame, i) => (i === index ? { ...frame, ...over } : frame)));
}

function withRuns(runs: readonly RawRun[], bytes?: Uint8Array): Uint8Array {
  return changed(3, { payload: payload.pages(runs, bytes) });
}

function flipped(at: number): Uint8Array {
  const bytes = joinFrames(smallImage);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return bytes;
}

function file(name: string, about: string, expect: string, bytes: Uint8Array): Vector {
  return { name, about, from: 'file', expect, bytes };
}

function source(name: string, about: string, expect: string, frames: readonly RawFrame[]): Vector {
  return { name, about, from: 'source', expect, bytes: joinFrames(frames) };
}

function destination(name: string, about: string, expect: string, frames: readonly RawFrame[]): Vector {
  return { name, about, from: 'destination', expect, bytes: joinFrames(frames) };
}

const small = joinFrames(smallImage);

const valid: readonly Vector[] = [
  file('valid-example', 'The worked example of FORMAT.md.', 'ok', exampleStream()),
  file('valid-small', 'Four zero pages.', 'ok', small),
  file('valid-rich', 'Two page sizes, state in two parts, runs out of order.', 'ok', richStream()),
  file(
    'valid-zero-bytes',
    'Zero pages that travel as data have the digest of zero runs.',
    'ok',
    joinFrames([
      ...smallImage.slice(0, 3),
      { type: TYPE.pages, payload: payload.pages([[0, 4, DATA]], page(0, 4 * 4096)) },
      { type: TYPE.end, payload: payload.end({ zeroPages: 0, dataBytes: 4 * 4096 }) },
    ]),
  ),
  file(
    'valid-optional-frames',
    'Frames of unknown type without REQUIRED, between all others.',
    'ok',
    joinFrames([
      ...smallImage.slice(0, 4).flatMap((frame) => [frame, optional]),
      { type: TYPE.end, payload: payload.end({ frames: 8 }) },
    ]),
  ),
  file(
    'valid-optional-features',
    'Unknown optional features are ignored.',
    'ok',
    changed(0, { payload: payload.header({ optional: 0xffffffff }) }),
  ),
  file(
    'valid-bom',
    'U+FEFF is a character like any other.',
    'ok',
    changed(1, { payload: payload.regions([{ name: '\ufeffram' }]) }),
  ),
  file(
    'valid-no-regions',
    'An image of nothing but state.',
    'ok',
    joinFrames([
      { type: TYPE.header, payload: payload.header() },
      { type: TYPE.regions, payload: payload.regions([]) },
      { type: TYPE.state, payload: payload.state({ kind: 'note@1', bytes: page(0x21, 5) }) },
      { type: TYPE.end, payload: payload.end({ pages: 0, zeroPages: 0, frames: 3 }) },
    ]),
  ),
  {
    name: 'valid-source',
    about: 'HELLO, then the example.',
    from: 'source',
    expect: 'ok',
    bytes: sourceStream(),
  },
  source('valid-source-control', 'Control frames of unknown type within and behind the image.', 'ok', [
    hello,
    optionalControl,
    ...smallImage.flatMap((frame) => [frame, optionalControl]),
  ]),
  {
    name: 'valid-destination',
    about: 'HELLO and ACK.',
    from: 'destination',
    expect: 'ok',
    bytes: destinationStream(),
  },
];

const framing: readonly Vector[] = [
  file('truncated-empty', 'No byte at all.', 'STREAM_TRUNCATED@0', new Uint8Array()),
  file('truncated-header', 'Ends within a header.', 'STREAM_TRUNCATED@80', small.slice(0, 80)),
  file('truncated-payload', 'Ends within a payload.', 'STREAM_TRUNCATED@100', small.slice(0, 100)),
  file('truncated-between', 'Ends between two frames.', 'STREAM_TRUNCATED@256', small.slice(0, 256)),
  file('trailing-byte', 'One byte behind END.', 'STREAM_TRAILING_BYTES@328', pack(small, [1, 0])),
  file('trailing-image', 'Two images in one file.', 'STREAM_TRAILING_BYTES@328', pack(small, small)),
  file('bad-magic', 'Damaged magic.', 'STREAM_BAD_MAGIC@136', flipped(136)),
  file('header-crc', 'Damaged payload length.', 'STREAM_HEADER_CRC@136', flipped(145)),
  file('payload-crc', 'Damaged payload.', 'STREAM_PAYLOAD_CRC@168', flipped(170)),
  file(
    'payload-crc-run-table',
    'A damaged run table is reported as damage.',
    'STREAM_PAYLOAD_CRC@232',
    flipped(252),
  ),
  file(
    'header-reserved',
    'Reserved field of the frame header.',
    'STREAM_RESERVED@160',
    changed(2, { reserved: 1 }),
  ),
  file('flags-unknown', 'An unknown flag.', 'STREAM_BAD_FLAGS@142', changed(2, { flags: 3 })),
  file(
    'flags-missing',
    'A frame of this version without REQUIRED.',
    'STREAM_BAD_FLAGS@142',
    changed(2, { flags: 0 }),
  ),
  file(
    'unknown-required',
    'A reserved type with REQUIRED.',
    'STREAM_UNKNOWN_FRAME@204',
    changed(3, { type: 6 }),
  ),
  file('type-zero', 'Type 0 with REQUIRED.', 'STREAM_UNKNOWN_FRAME@204', changed(3, { type: 0 })),
  file(
    'payload-too-large',
    '8 MiB and 8 bytes.',
    'STREAM_LIMIT@208',
    changed(3, { payloadLength: 8 * 1024 * 1024 + 8 }),
  ),
  file(
    'payload-length-odd',
    'Not a multiple of 8.',
    'STREAM_BAD_LENGTH@208',
    changed(3, { payloadLength: 23 }),
  ),
  file('sequence-gap', 'A frame was lost.', 'STREAM_SEQUENCE@216', changed(3, { sequence: 4 })),
  file('sequence-huge', 'Above 2^53 - 1.', 'STREAM_SEQUENCE@216', changed(3, { sequence: 2n ** 53n })),
  source('control-too-large', 'A control frame above 4,096 bytes.', 'STREAM_LIMIT@8', [
    { ...hello, payload: page(0, 4104) },
  ]),
];

const order: readonly Vector[] = [
  file(
    'order-no-header',
    'The region table first.',
    'STREAM_UNEXPECTED_FRAME@0',
    joinFrames(smallImage.slice(1)),
  ),
  file(
    'order-optional-first',
    'An optional frame first.',
    'STREAM_UNEXPECTED_FRAME@0',
    joinFrames([optional, ...smallImage]),
  ),
  file(
    'order-two-headers',
    'Two stream headers.',
    'STREAM_UNEXPECTED_FRAME@64',
    joinFrames([smallImage[0]!, ...smallImage]),
  ),
  file(
    'order-no-state',
    'Pages before the state.',
    'STREAM_UNEXPECTED_FRAME@136',
    joinFrames(smallImage.filter(({ type }) => type !== TYPE.state)),
  ),
  file(
    'order-two-states',
    'A second state.',
    'STREAM_UNEXPECTED_FRAME@200',
    joinFrames([...smallImage.slice(0, 3), ...smallImage.slice(2)]),
  ),
  file(
    'order-control-in-file',
    'HELLO in a file.',
    'STREAM_UNEXPECTED_FRAME@0',
    joinFrames([hello, ...smallImage]),
  ),
  source('order-no-hello', 'A source that does not say HELLO.', 'STREAM_UNEXPECTED_FRAME@0', smallImage),
  source('order-two-hellos', 'HELLO twice.', 'STREAM_UNEXPECTED_FRAME@80', [hello, hello]),
  source('order-ack-from-source', 'ACK from a source.', 'STREAM_UNEXPECTED_FRAME@80', [hello, ack]),
  source('order-image-after-end', 'An optional image frame behind END.', 'STREAM_UNEXPECTED_FRAME@408', [
    hello,
    ...smallImage,
    optional,
  ]),
  destination('order-image-from-destination', 'An image from a destination.', 'STREAM_UNEXPECTED_FRAME@80', [
    helloBack,
    ...smallImage,
  ]),
  destination('order-no-ack', 'A destination that says nothing but HELLO.', 'STREAM_TRUNCATED@80', [
    helloBack,
  ]),
  destination('order-after-ack', 'ABORT behind ACK.', 'STREAM_TRAILING_BYTES@144', [helloBack, ack, abort]),
  source('aborted', 'ABORT within the image.', 'STREAM_ABORTED@280', [
    hello,
    ...smallImage.slice(0, 3),
    abort,
  ]),
  source('aborted-after-end', 'ABORT behind END.', 'STREAM_ABORTED@408', [hello, ...smallImage, abort]),
  source('order-after-abort', 'A frame behind ABORT.', 'STREAM_TRAILING_BYTES@144', [
    hello,
    abort,
    optionalControl,
  ]),
];

function headerVector(name: string, expect: string, bytes: Uint8Array): Vector {
  return file(`stream-header-${name}`, 'STREAM_HEADER.', expect, changed(0, { payload: bytes }));
}

function regionsVector(name: string, expect: string, bytes: Uint8Array): Vector {
  return file(`region-table-${name}`, 'REGION_TABLE.', expect, changed(1, { payload: bytes }));
}

function stateVector(name: string, expect: string, bytes: Uint8Array): Vector {
  return file(`guest-state-${name}`, 'GUEST_STATE.', expect, changed(2, { payload: bytes }));
}

function secondPart(name: string, expect: string, over: payload.RawState): Vector {
  const first = payload.state({ total: 16, bytes: page(1, 8) });
  const second = payload.state({ total: 16, offset: 8, bytes: page(2, 8), kind: '', ...over });
  const frames = [
    ...smallImage.slice(0, 2),
    { type: TYPE.state, payload: first },
    { type: TYPE.state, payload: second },
  ];
  return file(`guest-state-${name}`, 'GUEST_STATE, the second part.', expect, joinFrames(frames));
}

const tables: readonly Vector[] = [
  headerVector('version', 'STREAM_VERSION@32', payload.header({ version: 2 })),
  headerVector('version-longer', 'STREAM_VERSION@32', pack(payload.header({ version: 2 }), [8, 0])),
  headerVector('empty', 'STREAM_BAD_LENGTH@8', new Uint8Array()),
  headerVector('length', 'STREAM_BAD_LENGTH@8', pack(payload.header(), [8, 0])),
  headerVector('reserved', 'STREAM_RESERVED@34', payload.header({ reserved: 1 })),
  headerVector('unit', 'STREAM_BAD_VALUE@36', payload.header({ unit: 8192 })),
  headerVector('feature', 'STREAM_FEATURE@40', payload.header({ required: 1 })),
  regionsVector('empty', 'STREAM_BAD_LENGTH@72', new Uint8Array()),
  regionsVector('count', 'STREAM_LIMIT@96', payload.regions([{}], { count: 16_385 })),
  regionsVector('count-low', 'STREAM_BAD_LENGTH@72', payload.regions([{}], { count: 0 })),
  regionsVector('count-high', 'STREAM_BAD_LENGTH@72', payload.regions([{}], { count: 2 })),
  regionsVector('reserved', 'STREAM_RESERVED@100', payload.regions([{}], { reserved: 1 })),
  regionsVector('id', 'STREAM_BAD_VALUE@104', payload.regions([{ id: 1 }])),
  regionsVector('page-size-odd', 'STREAM_BAD_VALUE@108', payload.regions([{ pageSize: 4097 }])),
  regionsVector('page-size-small', 'STREAM_BAD_VALUE@108', payload.regions([{ pageSize: 2048 }])),
  regionsVector('page-size-large', 'STREAM_BAD_VALUE@108', payload.regions([{ pageSize: 4 * 1024 * 1024 }])),
  regionsVector('page-size-zero', 'STREAM_BAD_VALUE@108', payload.regions([{ pageSize: 0 }])),
  regionsVector('size-zero', 'STREAM_BAD_VALUE@112', payload.regions([{ sizeBytes: 0 }])),
  regionsVector('size-odd', 'STREAM_BAD_VALUE@112', payload.regions([{ sizeBytes: 4095 }])),
  regionsVector('size-huge', 'STREAM_BAD_VALUE@112', payload.regions([{ sizeBytes: 2n ** 64n - 4096n }])),
  regionsVector('pages', 'STREAM_LIMIT@112', payload.regions([{ sizeBytes: 2 ** 42 + 4096 }])),
  regionsVector('name-empty', 'STREAM_BAD_STRING@120', payload.regions([{ name: '' }])),
  regionsVector('name-long', 'STREAM_LIMIT@120', payload.regions([{ name: 'x'.repeat(256) }])),
  regionsVector('entry-reserved', 'STREAM_RESERVED@122', payload.regions([{ reserved: 1 }])),
  regionsVector('name-outside', 'STREAM_BAD_LENGTH@72', payload.regions([{ nameLength: 9 }])),
  regionsVector('name-utf8', 'STREAM_BAD_STRING@128', payload.regions([{ name: Uint8Array.of(0x72, 0xff) }])),
  regionsVector('name-escape', 'STREAM_BAD_STRING@128', payload.regions([{ name: 'a\u001b[2J' }])),
  regionsVector(
    'name-padding',
    'STREAM_RESERVED@131',
    payload.regions([{ padding: Uint8Array.of(0, 0, 0, 0, 1) }]),
  ),
  stateVector('empty', 'STREAM_BAD_LENGTH@144', new Uint8Array()),
  stateVector('total-huge', 'STREAM_BAD_VALUE@168', payload.state({ total: 2n ** 53n })),
  stateVector('total', 'STREAM_LIMIT@168', payload.state({ total: 256 * 1024 * 1024 + 1 })),
  stateVector('offset', 'STREAM_BAD_VALUE@176', payload.state({ offset: 8 })),
  stateVector('part-long', 'STREAM_BAD_VALUE@184', payload.state({ total: 7, bytes: page(1, 8) })),
  stateVector('part-empty', 'STREAM_BAD_VALUE@184', payload.state({ total: 8 })),
  stateVector('kind-empty', 'STREAM_BAD_STRING@188', payload.state({ kind: '' })),
  stateVector('kind-long', 'STREAM_LIMIT@188', payload.state({ kind: 'x'.repeat(256) })),
  stateVector('reserved', 'STREAM_RESERVED@190', payload.state({ reserved: 1 })),
  stateVector('kind-outside', 'STREAM_BAD_LENGTH@144', payload.state({ kindLength: 9 })),
  stateVector('kind-control', 'STREAM_BAD_STRING@192', payload.state({ kind: 'a\u0085b' })),
  stateVector(
    'kind-padding',
    'STREAM_RESERVED@196',
    payload.state({ kindPadding: Uint8Array.of(1, 0, 0, 0) }),
  ),
  stateVector(
    'padding',
    'STREAM_RESERVED@205',
    payload.state({ bytes: page(1, 5), padding: Uint8Array.of(0, 1, 0) }),
  ),
  secondPart('part-total', 'STREAM_BAD_VALUE@240', { total: 17 }),
  secondPart('part-offset', 'STREAM_BAD_VALUE@248', { offset: 0 }),
  secondPart('part-beyond', 'STREAM_BAD_VALUE@256', { bytes: page(2, 9) }),
  secondPart('part-kind', 'STREAM_BAD_VALUE@260', { kind: 'none' }),
];

const pagesAndEnd: readonly Vector[] = [
  file('pages-empty', 'PAGES.', 'STREAM_BAD_LENGTH@208', changed(3, { payload: new Uint8Array() })),
  file(
    'pages-region',
    'PAGES.',
    'STREAM_BAD_VALUE@232',
    changed(3, { payload: payload.pages([[0, 4, ZERO]], undefined, { region: 1 }) }),
  ),
  file('pages-no-runs', 'PAGES.', 'STREAM_BAD_VALUE@236', withRuns([])),
  file(
    'pages-runs',
    'PAGES.',
    'STREAM_LIMIT@236',
    changed(3, { payload: payload.pages([[0, 4, ZERO]], undefined, { runCount: 16_385 }) }),
  ),
  file(
    'pages-runs-outside',
    'PAGES.',
    'STREAM_BAD_LENGTH@208',
    changed(3, { payload: payload.pages([[0, 4, ZERO]], undefined, { runCount: 2 }) }),
  ),
  file('pages-kind', 'A reserved kind.', 'STREAM_BAD_VALUE@252', withRuns([[0, 4, 2]])),
  file('pages-count-zero', 'PAGES.', 'STREAM_BAD_VALUE@248', withRuns([[0, 0, ZERO]])),
  file('pages-first-huge', 'PAGES.', 'STREAM_BAD_VALUE@240', withRuns([[2n ** 53n, 1, ZERO]])),
  file('pages-range', 'One page beyond the region.', 'STREAM_PAGE_RANGE@240', withRuns([[1, 4, ZERO]])),
  file(
    'pages-range-far',
    'A page count of 2^32 - 1.',
    'STREAM_PAGE_RANGE@240',
    withRuns([[0, 0xffffffff, ZERO]]),
  ),
  file('pages-data-missing', 'A data run without bytes.', 'STREAM_BAD_LENGTH@208', withRuns([[0, 4, DATA]])),
  file(
    'pages-data-left',
    'Bytes that belong to no run.',
    'STREAM_BAD_LENGTH@208',
    withRuns([[0, 4, ZERO]], page(1, 8)),
  ),
  file(
    'pages-repeated',
    'A page twice in one frame.',
    'STREAM_PAGE_REPEATED@256',
    withRuns([
      [0, 3, ZERO],
      [2, 2, ZERO],
    ]),
  ),
  file(
    'pages-repeated-later',
    'A page twice in two frames.',
    'STREAM_PAGE_REPEATED@296',
    joinFrames([...smallImage.slice(0, 4), { type: TYPE.pages, payload: payload.pages([[3, 1, ZERO]]) }]),
  ),
  file('end-missing-page', 'Page 3 never comes.', 'STREAM_PAGES_MISSING@256', withRuns([[0, 3, ZERO]])),
  file('end-length', 'END.', 'STREAM_BAD_LENGTH@264', changed(4, { payload: pack(payload.end(), [8, 0]) })),
  file('end-pages', 'END.', 'STREAM_TOTALS@288', changed(4, { payload: payload.end({ pages: 5 }) })),
  file(
    'end-pages-huge',
    'END.',
    'STREAM_TOTALS@288',
    changed(4, { payload: payload.end({ pages: 2n ** 53n + 4n }) }),
  ),
  file('end-zero-pages', 'END.', 'STREAM_TOTALS@296', changed(4, { payload: payload.end({ zeroPages: 3 }) })),
  file(
    'end-data-bytes',
    'END.',
    'STREAM_TOTALS@304',
    changed(4, { payload: payload.end({ dataBytes: 4096 }) }),
  ),
  file('end-frames', 'END.', 'STREAM_TOTALS@312', changed(4, { payload: payload.end({ frames: 5 }) })),
  file(
    'end-digest',
    'END.',
    'STREAM_DIGEST@320',
    changed(4, { payload: payload.end({ digest: 1n << 63n }) }),
  ),
];

function helloVector(name: string, expect: string, bytes: Uint8Array): Vector {
  return source(`hello-${name}`, 'HELLO.', expect, [{ type: TYPE.hello, payload: bytes }]);
}

function ackVector(name: string, expect: string, bytes: Uint8Array): Vector {
  return destination(`ack-${name}`, 'ACK.', expect, [helloBack, { type: TYPE.ack, payload: bytes }]);
}

function abortVector(name: string, expect: string, bytes: Uint8Array): Vector {
  return source(`abort-${name}`, 'ABORT.', expect, [hello, { type: TYPE.abort, payload: bytes }]);
}

const control: readonly Vector[] = [
  helloVector('length', 'STREAM_BAD_LENGTH@8', pack(payload.hello(), [8, 0])),
  helloVector('version-zero', 'STREAM_BAD_VALUE@32', payload.hello({ versionMin: 0 })),
  helloVector('versions', 'STREAM_BAD_VALUE@34', payload.hello({ versionMin: 2 })),
  helloVector('role', 'STREAM_BAD_VALUE@36', payload.hello({ role: 2 })),
  helloVector('payload', 'STREAM_BAD_VALUE@40', payload.hello({ maxPayloadBytes: 65_528 })),
  helloVector('payload-odd', 'STREAM_BAD_VALUE@40', payload.hello({ maxPayloadBytes: 65_537 })),
  helloVector('pages', 'STREAM_BAD_VALUE@48', payload.hello({ maxPages: 2n ** 53n })),
  helloVector('reserved', 'STREAM_RESERVED@76', payload.hello({ reserved: 1 })),
  ackVector('empty', 'STREAM_BAD_LENGTH@88', new Uint8Array()),
  ackVector('outcome', 'STREAM_BAD_VALUE@112', payload.ack({ outcome: 2 })),
  ackVector('verified', 'STREAM_RESERVED@116', payload.ack({ verified: 4 })),
  ackVector('message-long', 'STREAM_LIMIT@128', payload.ack({ message: 'x'.repeat(1025) })),
  ackVector('reserved', 'STREAM_RESERVED@130', payload.ack({ reserved: 1 })),
  ackVector('message-outside', 'STREAM_BAD_LENGTH@88', payload.ack({ messageLength: 9 })),
  ackVector('message-control', 'STREAM_BAD_STRING@136', payload.ack({ message: 'a\nb' })),
  ackVector('padding', 'STREAM_RESERVED@140', payload.ack({ padding: Uint8Array.of(0, 0, 0, 9) })),
  abortVector('empty', 'STREAM_BAD_LENGTH@88', new Uint8Array()),
  abortVector('no-code', 'STREAM_BAD_STRING@112', payload.abort({ code: '' })),
  abortVector('code-long', 'STREAM_LIMIT@112', payload.abort({ code: 'X'.repeat(65) })),
  abortVector('message-long', 'STREAM_LIMIT@114', payload.abort({ message: 'x'.repeat(1025) })),
  abortVector('reserved', 'STREAM_RESERVED@116', payload.abort({ reserved: 1 })),
  abortVector('outside', 'STREAM_BAD_LENGTH@88', payload.abort({ messageLength: 30 })),
  abortVector('code-space', 'STREAM_BAD_STRING@120', payload.abort({ code: 'A B' })),
  abortVector('message-utf8', 'STREAM_BAD_STRING@129', payload.abort({ message: Uint8Array.of(0xc0, 0x80) })),
  abortVector('padding', 'STREAM_RESERVED@142', payload.abort({ padding: Uint8Array.of(0, 9) })),
];

export const vectors: readonly Vector[] = [
  ...valid,
  ...framing,
  ...order,
  ...tables,
  ...pagesAndEnd,
  ...control,
  ...chunkVectors,
];
