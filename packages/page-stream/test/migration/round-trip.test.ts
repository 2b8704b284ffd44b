import { describe, expect, it } from 'vitest';
import {
  ControlEncoder,
  formatDigest,
  MemoryAccount,
  MigrationDecoder,
  MigrationEncoder,
  type MigrationFrame,
  ownHello,
  type PageRun,
  PageStreamDecoder,
  PageStreamEncoder,
  type RegionEntry,
} from '../../src/index.ts';

const region: RegionEntry = { id: 0, name: 'ram', sizeBytes: 16 * 4096, pageSize: 4096 };
const streamId = Uint8Array.from({ length: 16 }, (_, index) => index);

function page(fill: number): Uint8Array {
  return new Uint8Array(4096).fill(fill);
}

function data(firstPage: number, pageCount = 1): PageRun {
  return { firstPage, pageCount, kind: 'data' };
}

function feed(decoder: MigrationDecoder, bytes: Uint8Array, step = bytes.length): MigrationFrame[] {
  const frames: MigrationFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const room = decoder.writable();
    const count = Math.min(step, room.length, bytes.length - at);
    room.set(bytes.subarray(at, at + count));
    at += count;
    const batch = decoder.wrote(count);
    frames.push(
      ...batch.frames.map((frame) => ('bytes' in frame ? { ...frame, bytes: frame.bytes.slice() } : frame)),
    );
    if (batch.error !== undefined) throw batch.error;
  }
  return frames;
}

function stream(): { bytes: Uint8Array; account: MemoryAccount } {
  const account = new MemoryAccount([region]);
  const control = new ControlEncoder();
  const encoder = new MigrationEncoder({ account });
  const parts = [
    control.hello(ownHello('source', {}, 64)),
    ...encoder.start(streamId),
    ...encoder.pages(0, [{ firstPage: 0, pageCount: 16, kind: 'zero' }], new Uint8Array()),
    ...encoder.pages(0, [data(2)], page(1)),
    ...encoder.roundMark({ round: 1, pages: 17 }),
    ...encoder.pages(0, [data(2), data(5)], Buffer.concat([page(7), page(8)])),
    ...encoder.state({ kind: 'test@1', bytes: Uint8Array.of(1, 2, 3) }),
    ...encoder.end(),
    control.handOver({ step: 'offer', lazy: false, digest: account.digest, tookUs: 0, lanes: 0 }),
  ];
  return { bytes: Buffer.concat(parts), account };
}

/** Of an image of the same memory, by the encoder of images. */
function imageDigest(pages: ReadonlyMap<number, number>): string {
  const encoder = new PageStreamEncoder({ streamId });
  encoder.start([region]);
  encoder.state({ kind: 'test@1', bytes: new Uint8Array() });
  encoder.encodePages(
    0,
    [data(0, 16)],
    Buffer.concat(Array.from({ length: 16 }, (_, index) => page(pages.get(index) ?? 0))),
  );
  encoder.end();
  return formatDigest(encoder.totals.digest);
}

describe('a migration stream', () => {
  it.each([1, 7, 4096, 1 << 20])('is read as it was written, %i bytes at a time', (step) => {
    const { bytes } = stream();
    const decoder = new MigrationDecoder({ from: 'source' });
    const frames = feed(decoder, bytes, step);
    decoder.finish();
    expect(frames.map(({ type }) => type)).toEqual([
      'hello',
      'header',
      'regions',
      'pages',
      'pages',
      'round',
      'pages',
      'state',
      'end',
      'hand-over',
    ]);
    expect(frames[5]).toMatchObject({ round: 1, pages: 17 });
    expect(frames[6]).toMatchObject({ runs: [data(2), data(5)] });
    expect(frames[9]).toMatchObject({ step: 'offer', lazy: false });
    expect(decoder.account?.missingCount).toBe(0);
  });

  it('has the digest of an image of what each page held last, on both sides', () => {
    const { bytes, account } = stream();
    const decoder = new MigrationDecoder({ from: 'source' });
    feed(decoder, bytes);
    const expected = imageDigest(
      new Map([
        [2, 7],
        [5, 8],
      ]),
    );
    expect(formatDigest(account.digest)).toBe(expected);
    expect(formatDigest(decoder.account!.digest)).toBe(expected);
  });

  it('is refused by a reader of images, whose frames it may not have', () => {
    const { bytes } = stream();
    const { error } = new PageStreamDecoder({ from: 'source' }).push(bytes);
    expect(error).toMatchObject({ code: 'STREAM_FEATURE' });
  });

  it('refuses a page whose frame was damaged on the way', () => {
    const { bytes } = stream();
    const at = Buffer.from(bytes).indexOf(page(1)) + 100;
    bytes[at] = bytes[at]! ^ 1;
    expect(() => feed(new MigrationDecoder({ from: 'source' }), bytes)).toThrow(
      expect.objectContaining({ code: 'STREAM_PAYLOAD_CRC' }),
    );
  });
});

describe('a lane', () => {
  it('brings pages into the account of the first connection', () => {
    const account = new MemoryAccount([region]);
    const control = new ControlEncoder();
    const encoder = new MigrationEncoder({ account });
    const bytes = Buffer.concat([
      control.hello(ownHello('source')),
      control.lane({ purpose: 'pages', number: 1, streamId }),
      ...encoder.pages(0, [data(3)], page(9)),
      ...encoder.end(),
    ]);
    const received = new MemoryAccount([region]);
    const frames = feed(new MigrationDecoder({ from: 'source-lane', account: received }), bytes);
    expect(frames.map(({ type }) => type)).toEqual(['hello', 'lane', 'pages', 'end']);
    expect(frames[1]).toMatchObject({ purpose: 'pages', number: 1, streamId });
    expect(received.missingCount).toBe(15);
    expect(formatDigest(received.digest)).toBe(imageDigest(new Map([[3, 9]])));
  });
});

describe('a destination', () => {
  it('asks for pages, tells which have come, and hands over', () => {
    const control = new ControlEncoder();
    const requested = [{ region: 0, firstPage: 4, pageCount: 2 }];
    const bitmap = { region: 0, firstPage: 0, pageCount: 16, last: true, bits: Uint8Array.of(0xff, 0x01) };
    const bytes = Buffer.concat([
      control.hello(ownHello('destination')),
      control.pageRequest(requested),
      control.resumeBitmap(bitmap),
      control.handOver({ step: 'started', lazy: false, digest: new Uint32Array(2), tookUs: 1234, lanes: 0 }),
    ]);
    const decoder = new MigrationDecoder({ from: 'destination', account: new MemoryAccount([region]) });
    expect(feed(decoder, bytes)).toMatchObject([
      { type: 'hello' },
      { type: 'page-request', requested },
      { type: 'resume-bitmap', ...bitmap },
      { type: 'hand-over', step: 'started', tookUs: 1234 },
    ]);
  });

  it('is refused when it asks for pages that do not exist', () => {
    const control = new ControlEncoder();
    const bytes = Buffer.concat([
      control.hello(ownHello('destination')),
      control.pageRequest([{ region: 0, firstPage: 15, pageCount: 2 }]),
    ]);
    const decoder = new MigrationDecoder({ from: 'destination', account: new MemoryAccount([region]) });
    expect(() => feed(decoder, bytes)).toThrow(expect.objectContaining({ code: 'STREAM_PAGE_RANGE' }));
  });
});
