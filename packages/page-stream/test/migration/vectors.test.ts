import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MemoryAccount, MigrationDecoder, PageStreamError, type RegionEntry } from '../../src/index.ts';
import { formatHexText, parseHexText } from '../hex-text.ts';
import { type MigrationVector, migrationVectors } from './migration-vectors.ts';

const directory = new URL('./vectors/', import.meta.url);
const region: RegionEntry = { id: 0, name: 'ram', sizeBytes: 4 * 4096, pageSize: 4096 };

function format({ from, expect: expected, bytes }: MigrationVector): string {
  return `; from: ${from}\n; expect: ${expected}\n${formatHexText(bytes)}`;
}

const files = readdirSync(directory).map((file) => {
  const text = readFileSync(new URL(file, directory), 'utf8');
  const [, from = '', expected = ''] = /^; from: (.*)\n; expect: (.*)\n/.exec(text) ?? [];
  return { name: file.replace('.hex', ''), from, expected, bytes: parseHexText(text), text };
});

/** `ok`, or code and offset; `step` bytes at a time. */
function read(bytes: Uint8Array, from: string, step: number): string {
  const decoder = new MigrationDecoder({
    from: from === 'source' || from === 'source-lane' ? from : 'destination',
    ...(from === 'source' ? {} : { account: new MemoryAccount([region]) }),
  });
  for (let at = 0; at < bytes.length; ) {
    const room = decoder.writable();
    const count = Math.min(step, room.length, bytes.length - at);
    room.set(bytes.subarray(at, at + count));
    at += count;
    const { error } = decoder.wrote(count);
    if (error instanceof PageStreamError) return `${error.code}@${error.offset}`;
    if (error !== undefined) throw error;
  }
  decoder.finish();
  return 'ok';
}

describe('golden vectors of migrations', () => {
  it('are those of migration-vectors.ts', () => {
    const written = Object.fromEntries(migrationVectors.map((vector) => [vector.name, format(vector)]));
    expect(Object.fromEntries(files.map(({ name, text }) => [name, text]))).toEqual(written);
  });

  it.each(files)('$name: $expected', ({ from, expected, bytes }) => {
    expect(read(bytes, from, bytes.length)).toBe(expected);
    expect(read(bytes, from, 5)).toBe(expected);
  });

  it.each(files.filter(({ expected }) => expected === 'ok'))(
    '$name: no bit may be another',
    ({ from, bytes }) => {
      for (let at = 0; at < bytes.length; at++) {
        const flipped = bytes.slice();
        flipped[at] = flipped[at]! ^ (1 << (at % 8));
        let outcome: string;
        try {
          outcome = read(flipped, from, flipped.length);
        } catch (error) {
          outcome = error instanceof PageStreamError ? error.code : String(error);
        }
        expect(outcome).toMatch(/^STREAM_/);
      }
    },
  );
});
