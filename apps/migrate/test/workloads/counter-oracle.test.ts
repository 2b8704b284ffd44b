import { beforeAll, describe, expect, test } from 'vitest';
import { packCounterState, COUNTER_REGION } from '../../src/workloads/counter/counter-state.ts';
import { counterOracle } from '../../src/workloads/counter/counter-oracle.ts';
import { SharedSequence } from '../../src/workloads/counter/sequence.ts';
import { DOUBLES_PER_PAGE, stampPage } from '../../src/workloads/counter/stamp.ts';
import { packState } from '../../src/workloads/state-cursor.ts';
import type { WorkloadImage } from '../../src/workloads/index.ts';
import { copyImage, memoryOf, takeTwoImages } from './take-image.ts';

const PAGES = 64;
/** Pages 0, 3, 6 … are never written. */
const isUntouched = (page: number) => page % 3 === 0;

/** What two rounds of writes leave, with the cut after the second. */
function makeImage(): WorkloadImage {
  const memory = new Float64Array(PAGES * DOUBLES_PER_PAGE);
  const ledger = new Float64Array(PAGES);
  const sequence = new SharedSequence(new Int32Array(new SharedArrayBuffer(12)));
  for (let write = 0; write < 2 * PAGES; write++) {
    const page = write % PAGES;
    if (isUntouched(page)) continue;
    const number = sequence.take();
    stampPage(memory, page * DOUBLES_PER_PAGE, page, number);
    ledger[page] = number;
  }
  const regions = new Map([[COUNTER_REGION, new Uint8Array(memory.buffer)]]);
  return { state: packCounterState(sequence.last(), ledger), regions };
}

const page = (image: WorkloadImage, index: number) =>
  memoryOf(image).subarray(index * 4096, (index + 1) * 4096);
const restamp = (image: WorkloadImage, index: number, sequence: number, place = index) =>
  stampPage(new Float64Array(page(image, index).buffer, index * 4096, DOUBLES_PER_PAGE), 0, place, sequence);
const lastWrite = (image: WorkloadImage, index: number) =>
  new DataView(page(image, index).buffer).getFloat64(index * 4096, true);

/** Each defect, the check that must name it, and where it says it is. */
const defects: readonly [
  name: string,
  check: string,
  detail: string,
  plant: (image: WorkloadImage) => void,
][] = [
  [
    'a page captured in the middle of a write',
    'pages-untorn',
    'page 7 mixes two writes',
    (image) => page(image, 7).set(page(image, 8).subarray(0, 2048), 2048),
  ],
  [
    'a page whose last stamp alone is of another write',
    'pages-untorn',
    'page 7 mixes two writes',
    (image) => page(image, 7).fill(1, 3584, 3592),
  ],
  [
    'a page from after the cut',
    'no-late-page',
    'page 7 is of write 1000',
    (image) => restamp(image, 7, 1000),
  ],
  [
    'a page that was never written before the cut',
    'no-late-page',
    'page 6 is of write 1000, its last before the cut is 0',
    (image) => restamp(image, 6, 1000),
  ],
  [
    'a page as it was one write earlier',
    'no-stale-page',
    'page 7 is of write 5',
    (image) => restamp(image, 7, 5),
  ],
  ['a page that was never sent', 'no-stale-page', 'page 7 is of write 0', (image) => page(image, 7).fill(0)],
  [
    'a page in the place of another',
    'pages-in-place',
    'page 7 holds page 8',
    (image) => page(image, 7).set(page(image, 8)),
  ],
  [
    'a page whose number alone is wrong',
    'pages-in-place',
    'page 7 holds page 8',
    (image) => restamp(image, 7, lastWrite(image, 7), 8),
  ],
  [
    'one bit between the stamps',
    'no-foreign-bytes',
    'page 7 holds bytes',
    (image) => page(image, 7).fill(0x10, 511, 512),
  ],
  [
    'one bit in a page never written',
    'no-foreign-bytes',
    'page 6 holds bytes',
    (image) => page(image, 6).fill(0x80, 4095, 4096),
  ],
  [
    'the newest page gone',
    'cut-reached',
    'the newest good page is of write 83, the cut is 84',
    (image) => page(image, 62).fill(0),
  ],
  [
    'a cut that no page has reached',
    'cut-reached',
    'the newest good page is of write 84, the cut is 85',
    (image) => new DataView(image.state.bytes.buffer).setFloat64(0, 85, true),
  ],
];

describe('the oracle of counter', () => {
  test('passes the image that the writes before the cut leave', async () => {
    const report = await counterOracle.verify(makeImage());
    expect(report).toMatchObject({ ok: true, cut: 84 });
    expect(report.checks.every(({ ok }) => ok)).toBe(true);
  });

  test.for(defects)('finds %s', async ([, check, detail, plant]) => {
    const image = makeImage();
    plant(image);
    const report = await counterOracle.verify(image);
    expect(report.ok).toBe(false);
    expect(report.checks.find(({ name }) => name === check)).toMatchObject({
      ok: false,
      detail: expect.stringContaining(detail),
    });
  });

  test('says how many pages are wrong', async () => {
    const image = makeImage();
    memoryOf(image).fill(0xa5);
    const report = await counterOracle.verify(image);
    expect(report.checks.find(({ name }) => name === 'no-foreign-bytes')?.ok).toBe(true);
    expect(report.checks.find(({ name }) => name === 'pages-in-place')?.detail).toMatch(/\(and 63 more\)$/);
  });

  test('takes memory at any address', async () => {
    const image = makeImage();
    const shifted = new Uint8Array(memoryOf(image).length + 3).subarray(3);
    shifted.set(memoryOf(image));
    const report = await counterOracle.verify({ ...image, regions: new Map([[COUNTER_REGION, shifted]]) });
    expect(report.ok).toBe(true);
  });

  test.for([
    ['no region of its name', 'other', PAGES * 4096],
    ['a region one page short', COUNTER_REGION, (PAGES - 1) * 4096],
    ['a region one page long', COUNTER_REGION, (PAGES + 1) * 4096],
  ] as const)('refuses %s', async ([, name, sizeBytes]) => {
    const { state } = makeImage();
    const report = await counterOracle.verify({
      state,
      regions: new Map([[name, new Uint8Array(sizeBytes)]]),
    });
    expect(report.ok).toBe(false);
    expect(report.checks).toEqual([expect.objectContaining({ name: 'memory-size', ok: false })]);
  });

  test.for([
    ['nothing', new Uint8Array(), 0],
    ['half a number', new Uint8Array(4), 0],
    ['a cut that is no number', packState([Number.NaN, 1], new Uint8Array(8)), 0],
    ['a negative cut', packState([-1, 1], new Uint8Array(8)), 0],
    ['no pages', packState([0, 0]), 8],
    ['more pages than a memory can have', packState([0, 2 ** 20 + 1]), 8],
    ['a ledger that is not there', packState([0, 2 ** 20]), 16],
    ['a ledger one byte short', packState([0, 2], new Uint8Array(15)), 16],
    ['a ledger one byte long', packState([0, 2], new Uint8Array(17)), 32],
    ['a ledger beyond the cut', packState([1, 2, 0, 2]), 24],
    ['a ledger of fractions', packState([1, 2, 0, 0.5]), 24],
    ['a negative ledger', packState([1, 2, -1, 0]), 16],
  ] as const)('refuses a state with %s', async ([, bytes, offset]) => {
    const image = { state: { kind: counterOracle.kind, bytes }, regions: makeImage().regions };
    await expect(counterOracle.verify(image)).rejects.toMatchObject({
      code: 'WORKLOAD_STATE_INVALID',
      offset,
    });
  });

  test('can be aborted', async () => {
    const reason = new Error('enough');
    const verifying = counterOracle.verify(makeImage(), { signal: AbortSignal.abort(reason) });
    await expect(verifying).rejects.toBe(reason);
  });
});

describe('counter under load', () => {
  let images: [WorkloadImage, WorkloadImage];

  beforeAll(async () => {
    images = await takeTwoImages('counter,size=4MiB,rate=0,fill=50', 5000);
  });

  test('an image taken at rest passes', async () => {
    const reports = await Promise.all(images.map((image) => counterOracle.verify(image)));
    expect(reports.map(({ ok }) => ok)).toEqual([true, true]);
    expect(reports[1]!.cut).toBeGreaterThanOrEqual(reports[0]!.cut + 5000);
  });

  test('pages of a later moment are found', async () => {
    const mixed = copyImage(images[0]);
    const half = memoryOf(mixed).length / 2;
    memoryOf(mixed).set(memoryOf(images[1]).subarray(half), half);
    const report = await counterOracle.verify(mixed);
    expect(report.checks.find(({ name }) => name === 'no-late-page')?.ok).toBe(false);
  });
});
