import { PageStreamEncoder } from '@stillframe/page-stream';
import { expect, it } from 'vitest';
import { receiveStream, sourceOf, type Target } from '../src/index.ts';

const PAGE = 4096;
const MIB = 2 ** 20;
const REGION_BYTES = 64 * MIB;

/** Few bytes that stand for many pages: one MiB, and 63 times the same again. */
function repeated(): Uint8Array {
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16), chunks: { sameAs: true } });
  const slab = new Uint8Array(MIB).map((_, at) => (at >> 12) + 1);
  const parts = [
    ...encoder.start([{ id: 0, name: 'ram', sizeBytes: REGION_BYTES, pageSize: PAGE }]),
    ...encoder.state({ kind: 'none', bytes: new Uint8Array() }),
  ];
  for (let page = 0; page < REGION_BYTES / PAGE; page += MIB / PAGE) {
    parts.push(...encoder.encodePages(0, [{ firstPage: page, pageCount: MIB / PAGE, kind: 'data' }], slab));
  }
  return Buffer.concat([...parts, ...encoder.end()]);
}

it('gives others a turn every few MiB, although neither source nor target ever waits', async () => {
  const stream = repeated();
  expect(stream.length).toBeLessThan(2 * MIB);
  const first = new Uint8Array(MIB);
  const target: Target = {
    async allocate() {},
    async writeState() {},
    async writePages(_region, runs, bytes) {
      if (runs[0]?.firstPage === 0) first.set(bytes);
    },
    readPages(_region, firstPage, pages) {
      pages.set(first.subarray(firstPage * PAGE, firstPage * PAGE + pages.length));
    },
    async commit() {},
    async discard() {},
  };
  let turns = 0;
  let isOver = false;
  const count = () => {
    turns += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await receiveStream({ source: sourceOf([stream]), target }).result;
  isOver = true;
  expect(turns).toBeGreaterThanOrEqual(REGION_BYTES / (8 * MIB));
});
