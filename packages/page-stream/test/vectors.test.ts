import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decode, decodeFully, fingerprints } from './decode.ts';
import { referenceParent } from './reference-chunks.ts';
import { referenceDecode } from './reference-decoder.ts';
import { parseVector, formatVector } from './vector-file.ts';
import { vectors } from './vector-list.ts';
import { isPageStreamErrorCode, lowerLimits } from '../src/index.ts';

const directory = new URL('./vectors/', import.meta.url);
const files = readdirSync(directory).map((file) => {
  const text = readFileSync(new URL(file, directory), 'utf8');
  return Object.assign(parseVector(file.replace('.hex', ''), text), { text });
});

describe('golden vectors', () => {
  it('are those of vector-list.ts', () => {
    const written = Object.fromEntries(vectors.map((vector) => [vector.name, formatVector(vector)]));
    expect(Object.fromEntries(files.map(({ name, text }) => [name, text]))).toEqual(written);
  });

  it.each(files)('$name: $expect', ({ from, reader, expect: expected, bytes }) => {
    const isFull = reader === 'full';
    const decoded = isFull ? decodeFully(bytes, { from }) : decode(bytes, { from });
    const reference = referenceDecode(bytes, from, lowerLimits(), isFull ? referenceParent : undefined);
    expect(decoded.error ?? 'ok').toBe(expected);
    expect(reference.error?.message ?? 'ok').toBe(expected);
    expect(fingerprints(decoded.frames)).toEqual(fingerprints(reference.frames));
  });

  it('cover every error code', () => {
    const codes = new Set(files.map((vector) => vector.expect.split('@')[0] ?? ''));
    codes.delete('ok');
    expect([...codes].filter((code) => !isPageStreamErrorCode(code))).toEqual([]);
    expect(codes.size).toBe(24);
  });
});
