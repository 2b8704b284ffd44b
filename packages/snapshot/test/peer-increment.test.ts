import { openImage, type StoredImage } from '@stillframe/page-stream';
import { expect, it } from 'vitest';
import type { Target } from '../src/index.ts';
import { takeSnapshot } from '../src/index.ts';
import { memoryDifference, smallGuest, snapshotOptions, TestSink } from './fixture.ts';
import { outcomes, setUp } from './peer-stage.ts';

function opened(bytes: Uint8Array, parent?: StoredImage): StoredImage {
  return openImage((offset, length) => bytes.subarray(offset, offset + length), {
    sizeBytes: bytes.length,
    ...(parent === undefined ? {} : { parent }),
  });
}

/** An image of a guest with the same memory as that of the stage. */
async function parentImage(): Promise<StoredImage> {
  const { guest, clock } = smallGuest();
  const sink = new TestSink();
  await takeSnapshot({ ...snapshotOptions(guest, sink, { clock }), chunks: {} }).result;
  return opened(sink.image()!);
}

/** Stores the stream. */
function storing(): Target & { bytes: () => Uint8Array } {
  const frames: Uint8Array[] = [];
  return {
    async allocate() {},
    async writeState() {},
    async writePages() {},
    async writeFrame(frame) {
      frames.push(frame.slice());
    },
    async commit() {},
    async discard() {},
    bytes: () => Buffer.concat(frames),
  };
}

it('a destination with the parent takes an increment, and has all of the memory', async () => {
  const parent = await parentImage();
  const { guest, target, send, receive } = setUp();
  const [sent, received] = await Promise.all([send({ chunks: { parent } }), receive({ parent })]);
  expect(memoryDifference(target.memory, guest.memoryAtCut)).toBe('');
  expect(received.digest).toBe(sent.digest);
  // Nothing had changed: less than the memory went over the connection.
  expect(received.bytes).toBeLessThan(guest.memoryAtCut.reduce((sum, { length }) => sum + length, 0) / 2);
});

it('one without it cannot take an increment, and the source says so', async () => {
  const parent = await parentImage();
  const { target, send, receive } = setUp();
  const [sending, receiving] = await outcomes(send({ chunks: { parent } }), receive());
  expect(sending).toMatchObject({ code: 'version-mismatch', operands: { streamCode: 'STREAM_FEATURE' } });
  expect(receiving.code).toMatch(/peer-lost|peer-aborted|version-mismatch/);
  expect(target.isCommitted).toBe(false);
});

it('a target that stores the stream keeps the increment as one, without the words of the connection', async () => {
  const parent = await parentImage();
  const { guest, send, receive } = setUp();
  const target = storing();
  await Promise.all([send({ chunks: { parent, index: true } }), receive({ parent, target })]);
  const image = opened(target.bytes(), parent);
  expect(image).toMatchObject({ index: 'used', chainLength: 1 });
  for (const [region, memory] of guest.memoryAtCut.entries()) {
    const pages = new Uint8Array(memory.length);
    image.readPages(region, 0, pages);
    expect(Buffer.compare(pages, memory)).toBe(0);
  }
});

it('pages that are the same as earlier ones go to who can read back, in full to others', async () => {
  const both = await Promise.all(
    [undefined, storing()].map(async (target) => {
      const { send, receive } = setUp();
      const to = target === undefined ? {} : { target };
      const [, received] = await Promise.all([send({ chunks: { sameAs: true } }), receive(to)]);
      return received.digest;
    }),
  );
  expect(both[0]).toBe(both[1]);
});
