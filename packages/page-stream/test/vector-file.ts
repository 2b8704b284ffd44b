import { formatHexText, parseHexText } from './hex-text.ts';
import type { Vector } from './vector-list.ts';

/** A vector as the text of a file: remarks that say what it is, then its bytes. */
export function formatVector({ about, from, reader, expect, bytes }: Vector): string {
  const readBy = reader === 'full' ? '; reader: full\n' : '';
  return `; ${about}\n; from: ${from}\n${readBy}; expect: ${expect}\n${formatHexText(bytes)}`;
}

export function parseVector(name: string, text: string): Vector {
  const [, about = '', from = '', readBy, expect = ''] =
    /^; (.*)\n; from: (.*)\n(; reader: full\n)?; expect: (.*)\n/.exec(text) ?? [];
  if (from !== 'file' && from !== 'source' && from !== 'destination')
    throw new Error(`${name}: from "${from}"`);
  const bytes = parseHexText(text);
  return { name, about, from, expect, bytes, ...(readBy === undefined ? {} : { reader: 'full' }) };
}
