import { closeSync, writeSync } from 'node:fs';
import { memfdCreate, sendFds, socketPair } from '@stillframe/uffd';
import { describe, expect, test } from 'vitest';
import { HandoffError, layOut, parseMappings, receiveHandoff } from '../src/handoff/index.ts';

const one = { base_host_virt_addr: 0x7f00_0000_0000, size: 8192, offset: 0, page_size: 4096 };

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (!(error instanceof HandoffError)) throw error;
    return error.code;
  }
}

describe('a list of mappings', () => {
  test('is read with addresses beyond 2^53', () => {
    const text =
      '[{"base_host_virt_addr": 18446744073709543424, "size": 4096, "offset": 4096, "page_size": 4096}]';
    expect(parseMappings(text)).toEqual([
      { address: 18_446_744_073_709_543_424n, sizeBytes: 4096, offset: 4096, pageSize: 4096 },
    ]);
  });

  test.each([
    [{ page_size: 2 ** 21 }, 2 ** 21],
    [{ page_size_kib: 4096 }, 4096],
    [{ page_size_kib: 4 }, 4096],
    [{ page_size_kib: 2048 }, 2 ** 21],
    [{ page_size: 4096, page_size_kib: 2048 }, 4096],
  ])('has pages of %j', (size, pageSize) => {
    const entry = { base_host_virt_addr: 0x7f00_0000_0000, size: 2 ** 22, offset: 0, ...size };
    expect(parseMappings(JSON.stringify([entry]))).toMatchObject([{ pageSize }]);
  });

  test('may come in pieces', () => {
    const text = JSON.stringify([one]);
    for (let length = 0; length < text.length; length++)
      expect(parseMappings(text.slice(0, length))).toBeUndefined();
  });

  test.each([
    ['{}'],
    ['[]'],
    ['[1]'],
    ['nonsense]'],
    [JSON.stringify([{ ...one, page_size: 4097 }])],
    [JSON.stringify([{ ...one, page_size: 2048 }])],
    [JSON.stringify([{ ...one, page_size: 2 ** 31 }])],
    [JSON.stringify([{ ...one, size: 4097 }])],
    [JSON.stringify([{ ...one, size: 0 }])],
    [JSON.stringify([{ ...one, size: -4096 }])],
    [JSON.stringify([{ ...one, offset: 1 }])],
    [JSON.stringify([{ ...one, offset: 2 ** 60 }])],
    [JSON.stringify([{ ...one, base_host_virt_addr: 1 }])],
    [JSON.stringify([{ ...one, base_host_virt_addr: 'x' }])],
    [JSON.stringify(Array.from({ length: 1025 }, () => one))],
  ])('is refused: %s', (text) => {
    expect(codeOf(() => parseMappings(text))).toBe('HANDOFF_MESSAGE');
  });
});

describe('a layout', () => {
  const regions = [
    { id: 0, name: 'low', sizeBytes: 16_384, pageSize: 4096 },
    { id: 1, name: 'high', sizeBytes: 8192, pageSize: 4096 },
  ];
  const mapping = { address: 0x10_0000n, sizeBytes: 16_384, offset: 8192, pageSize: 4096 };

  test('cuts a mapping where regions meet', () => {
    expect(layOut([mapping], regions)).toEqual({
      pageSize: 4096,
      regions: [
        { sizeBytes: 16_384, fileOffset: 0 },
        { sizeBytes: 8192, fileOffset: 16_384 },
      ],
      views: [
        { address: 0x10_0000n, sizeBytes: 8192, region: 0, firstPage: 2 },
        { address: 0x10_2000n, sizeBytes: 8192, region: 1, firstPage: 0 },
      ],
    });
  });

  test('is refused where it does not fit the image', () => {
    expect(codeOf(() => layOut([{ ...mapping, offset: 12_288 }], regions))).toBe('HANDOFF_LAYOUT');
    expect(codeOf(() => layOut([{ ...mapping, pageSize: 2 ** 21 }], regions))).toBe('HANDOFF_LAYOUT');
    expect(codeOf(() => layOut([mapping, { ...mapping, pageSize: 8192 }], regions))).toBe('HANDOFF_LAYOUT');
  });
});

describe('a hand-over', () => {
  const text = new TextEncoder().encode(JSON.stringify([one]));

  test('brings the list and its descriptors, wherever the message is cut', async () => {
    const [ours, theirs] = socketPair();
    const file = memfdCreate('handed', {});
    sendFds(theirs, [file, file], text.subarray(0, 10));
    writeSync(theirs, text.subarray(10));
    const { mappings, uffd, memoryFd } = await receiveHandoff(ours);
    expect(mappings).toHaveLength(1);
    for (const fd of [uffd, memoryFd!, file, ours, theirs]) closeSync(fd);
  });

  test.each([
    ['without a descriptor', 0],
    ['with three', 3],
  ])('%s is refused', async (_, count) => {
    const [ours, theirs] = socketPair();
    const file = memfdCreate('handed', {});
    if (count === 0) writeSync(theirs, text);
    else
      sendFds(
        theirs,
        Array.from({ length: count }, () => file),
        text,
      );
    await expect(receiveHandoff(ours)).rejects.toMatchObject({ code: 'HANDOFF_MESSAGE' });
    for (const fd of [file, ours, theirs]) closeSync(fd);
  });

  test('that ends early is refused', async () => {
    const [ours, theirs] = socketPair();
    writeSync(theirs, text.subarray(0, 5));
    closeSync(theirs);
    await expect(receiveHandoff(ours)).rejects.toMatchObject({ code: 'HANDOFF_MESSAGE' });
    closeSync(ours);
  });
});
