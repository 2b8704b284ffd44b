import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import * as valibot from 'valibot';
import { expect, it } from 'vitest';
import * as compliance from '../src/compliance.ts';
import * as limiter from '../src/index.ts';

const MODULES: Readonly<Record<string, object>> = {
  '@stillframe/limiter': limiter,
  '@stillframe/limiter/compliance': compliance,
  valibot,
};

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const programs = [...readme.matchAll(/^```(?:js|javascript)\n(.*?)^```$/gms)].map(
  ([, program = '']) => program,
);

it('has an example, and a policy to begin with', () => {
  expect(programs).toHaveLength(2);
});

it.each(programs.map((program, index) => ({ program, index })))('program $index runs', ({ program }) => {
  const script = program.replaceAll(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = modules[$2];');
  const lines: string[] = [];
  const log = (...words: unknown[]): unknown => lines.push(words.join(' '));
  const run: (modules: object, console: object) => void = vm.runInThisContext(
    `(modules, console) => {${script}}`,
  );
  run(MODULES, { log });
  expect(lines).not.toEqual([]);
});
