import { pureCodec } from '@stillframe/page-stream';
import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => {
  vi.doUnmock('@stillframe/page-codec');
  vi.resetModules();
});

test('the native codec where there is one', async () => {
  const { pageCodec: native } = await import('@stillframe/page-codec');
  const { chosenCodec, pageCodec } = await import('../src/codec.ts');
  expect(chosenCodec).toMatchObject({ codec: native, note: '' });
  expect(pageCodec).toBe(native);
});

test('JavaScript where there is none, and it says so', async () => {
  vi.doMock('@stillframe/page-codec', () => {
    throw new Error('there is no binary for this machine');
  });
  const { chosenCodec } = await import('../src/codec.ts');
  expect(chosenCodec.codec.crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(chosenCodec.codec.crc32c.name).toBe(pureCodec.crc32c.name);
  expect(chosenCodec).toMatchObject({
    implementation: 'javascript',
    note: expect.stringContaining('slow: '),
  });
});
