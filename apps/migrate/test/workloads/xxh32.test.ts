import { expect, test } from 'vitest';
import { KvBytes } from '../../src/workloads/kv/kv-bytes.ts';
import { xxh32 } from '../../src/workloads/kv/xxh32.ts';

// From the reference implementation, seed 0.
test.for([
  ['', 0x02cc5d05],
  ['a', 0x550d7456],
  ['abc', 0x32d153ff],
  ['Nobody inspects the spammish repetition', 0xe2293b2f],
] as const)('XXH32 of %j', ([text, hash]) => {
  const bytes = KvBytes.of(Buffer.from(text));
  expect(xxh32(bytes.words, 0, bytes.length)).toBe(hash);
});
