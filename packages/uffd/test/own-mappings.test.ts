import { expect, test } from 'vitest';
import { Mapping, type MappingOptions } from '../src/mapping.ts';
import { mprotect } from '../src/memory.ts';
import { OwnMappings, readSmaps } from '../src/own-mappings.ts';
import { withHugePages } from './huge-pages.ts';

const SIZE = 4 * 2 ** 20;

/** What the kernel answers when asked, and what smaps says. */
function bothAnswers(options: MappingOptions): { asked: readonly unknown[]; read: readonly unknown[] } {
  using memory = new Mapping(options);
  const end = memory.address + BigInt(memory.sizeBytes);
  using mappings = new OwnMappings();
  const asked = mappings.under(memory.address, end);
  return { asked, read: readSmaps().filter((entry) => entry.start < end && memory.address < entry.end) };
}

test.each([
  ['private anonymous', {}],
  ['a memfd', { backing: 'memfd' }],
] as const)('the kernel says of %s what smaps says', (_, options) => {
  const { asked, read } = bothAnswers({ sizeBytes: SIZE, ...options });
  expect(asked).toEqual(read);
  expect(asked).toHaveLength(1);
});

test('the kernel says of huge pages what smaps says', async (context) => {
  await withHugePages(context, 4, () => {
    const { asked, read } = bothAnswers({ sizeBytes: SIZE, hugePageSize: 2 ** 21 });
    expect(asked).toEqual(read);
    expect(asked).toHaveLength(1);
  });
});

test('mappings in the middle and at the ends are found, and gaps are none', () => {
  using memory = new Mapping({ sizeBytes: SIZE });
  mprotect({ address: memory.address + BigInt(SIZE / 4), sizeBytes: SIZE / 4 }, ['READ']);
  using mappings = new OwnMappings();
  const end = memory.address + BigInt(SIZE);
  const starts = mappings.under(memory.address, end).map(({ start }) => start);
  expect(starts).toContain(memory.address + BigInt(SIZE / 4));
  expect(starts).toContain(memory.address + BigInt(SIZE / 2));
  expect(mappings.under(4096n, 8192n)).toEqual([]);
});
