import {
  ControlEncoder,
  formatLimits,
  ownHello,
  PageStreamEncoder,
  pureCodec,
} from '@stillframe/page-stream';

const PAGE_BYTES = 4096;

/** Where the fields of a frame header are (FORMAT.md, "Frame header"). */
const LENGTH_AT = 8;
const CRC_AT = 28;
const HEADER_BYTES = 32;

function joined(parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts);
}

function hello(): Uint8Array {
  return new ControlEncoder().hello(ownHello('source'));
}

/** A small image as a file has it; nobody's memory, so no oracle knows it. */
export function smallImage(): Buffer {
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16).fill(7) });
  const page = new Uint8Array(PAGE_BYTES).fill(0xa5);
  return joined([
    ...encoder.start([{ id: 0, name: 'memory', sizeBytes: PAGE_BYTES, pageSize: PAGE_BYTES }]),
    ...encoder.state({ kind: 'test/nothing@1', bytes: new Uint8Array(64) }),
    ...encoder.encodePages(0, [{ firstPage: 0, pageCount: 1, kind: 'data' }], page),
    ...encoder.end(),
  ]);
}

/** The same as a source would send it. */
export function validStream(): Buffer {
  return joined([hello(), smallImage()]);
}

/** A header whose checksum is right and whose length is the largest that fits the field. */
function absurdLength(): Buffer {
  const stream = Buffer.from(validStream());
  const header = stream.subarray(hello().byteLength).subarray(0, HEADER_BYTES);
  header.writeUInt32LE(0xffff_fff8, LENGTH_AT);
  header.writeUInt32LE(pureCodec.crc32c(header.subarray(0, CRC_AT)), CRC_AT);
  return stream;
}

/** Regions as large as the format allows, which no machine has as memory. */
function absurdRegion(): Buffer {
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16) });
  const regions = [
    { id: 0, name: 'memory', sizeBytes: formatLimits.maxPages * PAGE_BYTES, pageSize: PAGE_BYTES },
  ];
  return joined([
    hello(),
    ...encoder.start(regions),
    ...encoder.state({ kind: 'x', bytes: new Uint8Array(8) }),
  ]);
}

function flipped(at: number): Buffer {
  const stream = validStream();
  stream[at]! ^= 0x10;
  return stream;
}

export interface HostilePeer {
  readonly name: string;
  readonly bytes: Buffer;
  /** What the destination says of it. */
  readonly exitCode: number;
}

const whole = validStream();

export const hostilePeers: readonly HostilePeer[] = [
  { name: 'nothing', bytes: Buffer.alloc(0), exitCode: 11 },
  { name: 'garbage', bytes: Buffer.alloc(1 << 20, 'GET / HTTP/1.1\r\n'), exitCode: 13 },
  { name: 'zeros', bytes: Buffer.alloc(1 << 20), exitCode: 13 },
  { name: 'a stream cut in a header', bytes: whole.subarray(0, hello().byteLength + 5), exitCode: 11 },
  { name: 'a stream cut in a page', bytes: whole.subarray(0, -PAGE_BYTES / 2), exitCode: 11 },
  { name: 'a stream without its last byte', bytes: whole.subarray(0, -1), exitCode: 11 },
  {
    name: 'a HELLO of another version',
    bytes: joined([new ControlEncoder().hello({ ...ownHello('source'), versionMin: 2, versionMax: 3 })]),
    exitCode: 12,
  },
  { name: 'a bit flipped in a header', bytes: flipped(hello().byteLength + LENGTH_AT), exitCode: 13 },
  { name: 'a bit flipped in a page', bytes: flipped(whole.length - PAGE_BYTES / 2), exitCode: 13 },
  { name: 'a stream without HELLO', bytes: whole.subarray(hello().byteLength), exitCode: 13 },
  {
    name: 'a destination instead of a source',
    bytes: joined([new ControlEncoder().hello(ownHello('destination'))]),
    exitCode: 13,
  },
  { name: 'a frame of 4 GiB', bytes: absurdLength(), exitCode: 13 },
  { name: 'more memory than there is', bytes: absurdRegion(), exitCode: 16 },
  {
    name: 'a source that gives up',
    bytes: (() => {
      const control = new ControlEncoder();
      return joined([
        control.hello(ownHello('source')),
        control.abort({ code: 'aborted', message: 'enough' }),
      ]);
    })(),
    exitCode: 11,
  },
];
