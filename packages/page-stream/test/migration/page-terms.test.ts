import { describe, expect, it } from 'vitest';
import { formatDigest, MemoryAccount } from '../../src/index.ts';
import { CHUNK_PAGES } from '../../src/page-coverage.ts';

const pageCount = CHUNK_PAGES + 5;
const region = { id: 0, name: 'ram', sizeBytes: pageCount * 4096, pageSize: 4096 };
const ZERO = '0000000000000000';

function page(fill: number): Uint8Array {
  return new Uint8Array(4096).fill(fill);
}

describe('the terms of pages', () => {
  it('count each page once, whether as zeros, in a run or alone', () => {
    const account = new MemoryAccount([region]);
    const [terms] = account.terms;
    terms!.zero(0, pageCount);
    expect(account.missingCount).toBe(0);
    terms!.zero(3, 4);
    terms!.data(CHUNK_PAGES - 1, Buffer.concat([page(1), page(2)]), 0);
    expect(account.missingCount).toBe(0);
    expect(terms!.has(CHUNK_PAGES + 4)).toBe(true);
  });

  it('go when their page is overwritten by zeros, also a whole chunk at once', () => {
    const account = new MemoryAccount([region]);
    const [terms] = account.terms;
    terms!.data(7, page(9), 0);
    const one = formatDigest(account.digest);
    expect(one).not.toBe(ZERO);
    terms!.data(7, page(8), 0);
    expect(formatDigest(account.digest)).not.toBe(one);
    terms!.data(7, page(9), 0);
    expect(formatDigest(account.digest)).toBe(one);
    terms!.zero(0, CHUNK_PAGES);
    expect(formatDigest(account.digest)).toBe(ZERO);
    expect(account.missingCount).toBe(5);
  });

  it('are missing again when they are forgotten, of a chunk of zeros too', () => {
    const account = new MemoryAccount([region]);
    const [terms] = account.terms;
    terms!.zero(0, pageCount);
    terms!.data(2, page(1), 0);
    terms!.forget(1, 3);
    expect(account.missingCount).toBe(3);
    expect(formatDigest(account.digest)).toBe(ZERO);
    expect([0, 1, 2, 3, 4].map((at) => terms!.has(at))).toEqual([true, false, false, false, true]);
    terms!.forget(0, 5);
    expect(account.missingCount).toBe(5);
  });

  it('need no memory for a hole', () => {
    const huge = { ...region, sizeBytes: 2 ** 30 * 4096 };
    const account = new MemoryAccount([huge]);
    account.terms[0]!.zero(0, 2 ** 30);
    expect(account.missingCount).toBe(0);
  });
});
