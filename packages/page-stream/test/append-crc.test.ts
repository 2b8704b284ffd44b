import { expect, test } from 'vitest';
import { appendCrc } from '../src/append-crc.ts';
import { crc32c } from '../src/crc32c.ts';

/** Bytes that are all different from their neighbours. */
const bytes = new Uint8Array(300_000).map((_, at) => at * 31 + (at >> 8));

test.for([0, 1, 2, 3, 255, 256, 4096, 65_535, 65_536, 65_537, 200_000])(
  'the CRC of two parts, the second of %i bytes',
  (tailBytes) => {
    for (const headBytes of [0, 1, 4097, 99_999]) {
      const head = bytes.subarray(0, headBytes);
      const tail = bytes.subarray(headBytes, headBytes + tailBytes);
      const whole = crc32c(bytes.subarray(0, headBytes + tailBytes));
      expect(appendCrc(crc32c(head), crc32c(tail), tailBytes)).toBe(whole);
    }
  },
);

test('a length with the highest bit', () => {
  // 2^31 bytes, as twice 2^30 of them.
  const [crc, half] = [0x12345678, 0x9abcdef0];
  const once = appendCrc(crc, 0, 2 ** 30);
  expect(appendCrc(crc, half, 2 ** 31)).toBe(appendCrc(once, half, 2 ** 30));
});
