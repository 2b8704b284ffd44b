import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import * as valibot from 'valibot';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
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

/** The blocks of one language, in order. */
const blocksOf = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, block = '']) => block,
  );

/** What a module's source exports by default. */
function defaultOf(source: string): unknown {
  const script = source
    .replaceAll(/^import (\{[^}]*\}) from ('.*');$/gm, 'const $1 = modules[$2];')
    .replace(/^export default /m, 'return ');
  const run: (modules: object) => unknown = vm.runInThisContext(`(modules) => {${script}}`);
  return run(MODULES);
}

const [javascript = ''] = blocksOf('mjs');
const typescript = blocksOf('ts').find((block) => block.includes('LimiterModule')) ?? '';
const files = {
  JavaScript: javascript,
  TypeScript: ts.transpileModule(typescript, {
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext },
  }).outputText,
};

function failureOf(run: () => void): unknown {
  try {
    run();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each(Object.entries(files))('the module in %s', (_language, source) => {
  const load = (): Promise<unknown> => Promise.resolve({ default: defaultOf(source) });
  const config = 'module,path=./patient.mjs,options=[worstMs=5]';

  it('is a limiter that keeps the promises', async () => {
    const registry = await limiter.loadLimiterModules(config, load);
    for (const { name, run } of compliance.limiterCompliance(() => registry.parse(config))) {
      expect({ name, failure: failureOf(run) }).toEqual({ name, failure: undefined });
    }
  });

  it('refuses wrong options', async () => {
    const registry = await limiter.loadLimiterModules(config, load);
    const wrong = 'module,path=./patient.mjs,options=[worstMs=soon]';
    expect(() => registry.parse(wrong)).toThrow(/options? worstMs/);
  });
});

it('lists every option of every limiter', () => {
  for (const { name, options } of limiter.describeLimiters()) {
    expect(readme).toContain(`| \`${name}\``);
    for (const option of options) expect(readme).toMatch(new RegExp(`\\| \`${option.name}\` +\\|`));
  }
});
