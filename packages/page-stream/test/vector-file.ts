import { formatHexText, parseHexText } from './hex-text.ts';
import type { Vector } from './vector-list.ts';

/** A vector as the text of a file: remarks that say what it is, then its bytes. */
export function formatVector({ about, from, expect, bytes }: Vector): string {
  return `; ${about}\n; from: ${from}\n; expect: ${expect}\n${formatHexText(bytes)}`;
}

export function parseVector(name: string, text: string): Vector {
  const [, about = '', from = '', expect = ''] = /^; (.*)\n; from: (.*)\n; expect: (.*)\n/.exec(text) ?? [];
  if (from !== 'file' && from !== 'source' && from !== 'destination')
    throw new Error(`${name}: from "${from}"`);
  return { name, about, from, expect, bytes: parseHexText(text) };
}
