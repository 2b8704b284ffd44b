import { readFileSync } from 'node:fs';
import * as limiter from '@stillframe/limiter';
import { expect, it } from 'vitest';
import * as snapshot from '../src/index.ts';
import * as simulated from '../src/simulated/index.ts';

const MODULES: Readonly<Record<string, object>> = {
  '@stillframe/limiter': limiter,
  '@stillframe/snapshot': snapshot,
  '@stillframe/snapshot/simulated': simulated,
};

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it('the example runs and says that the image shows the cut', async () => {
  const program = /^```js\n(.*?)^```$/ms.exec(readme)?.[1] ?? '';
  const body = program.replaceAll(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = modules[$2];');
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
  await new AsyncFunction('modules', 'console', body)(MODULES, { log });
  expect(lines.slice(0, 7)).toEqual(['prepare', 'pause', 'arm', 'resume', 'stream', 'disarm', 'end']);
  expect(lines[7]).toMatch(/^1000 pages, [1-9]\d* writes had to wait, digest [0-9a-f]{16}$/);
  expect(lines[8]).toBe('the image shows the guest at the cut');
});

it('names every error code', () => {
  const source = readFileSync(new URL('../src/error.ts', import.meta.url), 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(10);
  for (const code of codes) expect(readme).toContain(`\`${code}\``);
});
