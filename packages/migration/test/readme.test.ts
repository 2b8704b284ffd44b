import { readFileSync } from 'node:fs';
import * as snapshotSimulated from '@stillframe/snapshot/simulated';
import { expect, it } from 'vitest';
import * as migration from '../src/index.ts';
import * as simulated from '../src/simulated/index.ts';

const MODULES: Readonly<Record<string, object>> = {
  '@stillframe/migration': migration,
  '@stillframe/migration/simulated': simulated,
  '@stillframe/snapshot/simulated': snapshotSimulated,
};

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it('the example moves a guest, whole', async () => {
  const program = /^```js\n(.*?)^```$/ms.exec(readme)?.[1] ?? '';
  const body = program.replaceAll(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = modules[$2];');
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;
  await new AsyncFunction('modules', 'console', body)(MODULES, { log });
  expect(lines.slice(0, 7)).toEqual(['connect', 'rounds', 'pause', 'final', 'drain', 'commit', 'done']);
  expect(lines[7]).toMatch(/^\d+ round\(s\), digest [0-9a-f]{16}$/);
  expect(lines[8]).toMatch(/^0 pages are wrong, the guest is at write [1-9]\d*$/);
});

it('names every error code', () => {
  const source = readFileSync(new URL('../src/error.ts', import.meta.url), 'utf8');
  const codes = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, code]) => code);
  expect(codes).toHaveLength(15);
  for (const code of codes) expect(readme).toContain(`\`${code}\``);
});
