import { pureCodec } from '@stillframe/page-stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pageCodec } from '../src/index.ts';

const runsOf = (
  codec: Pick<typeof pageCodec, 'findZeroRuns'>,
  pages: Uint8Array,
  pageSize: number,
): number[] => {
  const lengths = new Uint32Array(pages.length / pageSize + 1);
  return [...lengths.subarray(0, codec.findZeroRuns(pages, pageSize, lengths))];
};

describe('findZeroRuns', () => {
  it.each([
    ['no pages', [], []],
    ['one of data', [1], [1]],
    ['one of zeros', [0], [0, 1]],
    ['data, zeros', [1, 1, 0], [2, 1]],
    ['zeros, data, zeros', [0, 1, 0, 0], [0, 1, 1, 2]],
    ['alternating', [1, 0, 1, 0], [1, 1, 1, 1]],
  ])('%s', (_name, kinds, expected) => {
    const pages = new Uint8Array(kinds.length * 4096);
    for (const [i, kind] of kinds.entries()) pages[i * 4096 + 4095] = kind;
    expect(runsOf(pageCodec, pages, 4096)).toEqual(expected);
  });

  it('agrees with the pure codec: pages with a single byte anywhere, pages of any allowed size', () => {
    const page = fc.option(fc.record({ place: fc.nat(), value: fc.integer({ min: 1, max: 255 }) }));
    fc.assert(
      fc.property(
        fc.constantFrom(16, 272, 4096, 65_536),
        fc.array(page, { maxLength: 20 }),
        (pageSize, contents) => {
          const pages = new Uint8Array(contents.length * pageSize + 1).subarray(1);
          for (const [i, content] of contents.entries()) {
            if (content) pages[i * pageSize + (content.place % pageSize)] = content.value;
          }
          expect(runsOf(pageCodec, pages, pageSize)).toEqual(runsOf(pureCodec, pages, pageSize));
        },
      ),
    );
  });

  it('leaves the rest of the table alone', () => {
    const lengths = new Uint32Array(5).fill(9);
    expect(pageCodec.findZeroRuns(new Uint8Array(8192), 4096, lengths)).toBe(2);
    expect([...lengths]).toEqual([0, 2, 9, 9, 9]);
  });
});
