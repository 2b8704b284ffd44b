import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { frameTypeName } from '../src/frame-header.ts';
import * as limits from '../src/index.ts';
import { isPageStreamErrorCode, PageStreamError, type PageStreamErrorCode } from '../src/index.ts';
import { decode } from './decode.ts';
import { parseHexText } from './hex-text.ts';
import { readDocument } from './documents.ts';
import { exampleStream } from './sample-streams.ts';

const format = readDocument('../FORMAT.md');
const readme = readDocument('../README.md');

/** The codes that a document lists in a table, in order. */
function listedCodes(text: string): string[] {
  return [...text.matchAll(/^\| `?(STREAM_\w+)`? \|/gm)].map(([, code]) => code ?? '');
}

describe('FORMAT.md', () => {
  it('shows an example that is what the encoder writes, byte by byte', () => {
    const [, example = ''] = /```hex\n(.*?)```/s.exec(format) ?? [];
    const bytes = parseHexText(example);
    expect(bytes).toEqual(exampleStream());
    expect(decode(bytes, { from: 'file' }).error).toBeUndefined();
  });

  it('lists each error code, and none that does not exist', () => {
    const codes = listedCodes(format);
    expect(codes.filter((code) => !isPageStreamErrorCode(code))).toEqual([]);
    expect(new Set(codes).size).toBe(24);
    expect(codes).toHaveLength(24);
  });

  it('lists each limit with its value', () => {
    const rows = [...format.matchAll(/^\| (M[A-Z_, ]+) \|.*?\| ([^|]*) \|[^|]*\|$/gm)];
    const stated = rows.flatMap(([, names = '', values = '']) => {
      const each = names.split(', ').length === 1 ? [values] : values.split(', ');
      return names.split(', ').map((name, index) => [name, parseValue(each[index] ?? '')]);
    });
    const constants = Object.entries(limits).filter(([name]) => /^M(AX|IN)_/.test(name));
    expect(Object.fromEntries(stated)).toEqual(Object.fromEntries(constants));
  });

  it('lists each frame type with its name', () => {
    const cells = [...format.matchAll(/(0x[08]00[\da-f]) \| ([A-Z_]+) +\|/g)];
    expect(cells).toHaveLength(18);
    for (const [, type, name] of cells) expect(frameTypeName(Number(type))).toBe(name);
    expect(frameTypeName(0x7fff)).toBe('UNKNOWN');
  });
});

/** `8 MiB`, `2^30`, `16,384`. */
function parseValue(text: string): number {
  const [, base = '', exponent = '1', unit = ''] =
    /^([\d,]+)(?:\^(\d+))?(?: (KiB|MiB|TiB))?$/.exec(text) ?? [];
  const units: Record<string, number> = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, TiB: 2 ** 40 };
  return Number(base.replaceAll(',', '')) ** Number(exponent) * (units[unit] ?? Number.NaN);
}

describe('PageStreamError', () => {
  it('has a hint for each code', () => {
    for (const code of listedCodes(format).filter(isPageStreamErrorCode)) {
      expect(new PageStreamError(code, 0, 'what').hint).toMatch(/\w.*\.$/);
    }
  });

  it('carries code, offset and a message with both the operands and the offset', () => {
    const code: PageStreamErrorCode = 'STREAM_LIMIT';
    const error = new PageStreamError(code, 42, 'payload of 9 bytes');
    expect(error).toMatchObject({ name: 'PageStreamError', code, offset: 42 });
    expect(error.message).toBe('payload of 9 bytes (at byte 42)');
  });
});

describe('README.md', () => {
  it('lists the same error codes', () => {
    expect(listedCodes(readme).toSorted()).toEqual(listedCodes(format).toSorted());
  });
});

describe('the sources', () => {
  it('import nothing from outside: no node:*, no package', () => {
    const root = new URL('../src/', import.meta.url);
    const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.ts'),
    );
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) {
      const imports = [...readFileSync(new URL(file, root), 'utf8').matchAll(/from '([^']+)'/g)];
      expect(imports.filter(([, from]) => !from?.startsWith('.'))).toEqual([]);
    }
  });
});
