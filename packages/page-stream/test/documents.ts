import { readFileSync } from 'node:fs';

/** A Markdown file next to `src`, without the spaces that align the cells of its tables. */
export function readDocument(path: string): string {
  const text = readFileSync(new URL(path, import.meta.url), 'utf8');
  return text.replaceAll(/ +\|/g, ' |').replaceAll(/\| +/g, '| ');
}
