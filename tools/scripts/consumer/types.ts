import { createRequire } from 'node:module';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Outcome, run } from './run.ts';
import { root } from './workspace.ts';

const compilerOptions = {
  target: 'es2022',
  module: 'nodenext',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
  types: ['node'],
};

const use = (i: number): string => `export const used${i}: typeof entry${i} = entry${i};\n`;

/** Type-checks, in an installed project, one ESM and one CJS file that use everything the entries export. */
export function checkTypes(
  dir: string,
  entries: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  lendNodeTypes(dir);
  const esm = entries.map((entry, i) => `import * as entry${i} from '${entry}';\n${use(i)}`);
  const cjs = entries.map((entry, i) => `import entry${i} = require('${entry}');\n${use(i)}`);
  writeFileSync(path.join(dir, 'consumer.mts'), esm.join(''));
  writeFileSync(path.join(dir, 'consumer.cts'), cjs.join(''));
  const config = { compilerOptions, files: ['consumer.mts', 'consumer.cts'] };
  writeFileSync(path.join(dir, 'tsconfig.json'), JSON.stringify(config));
  const tsc = path.join(root, 'node_modules/@typescript/native/bin/tsc');
  return run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: dir, env });
}

/** `@types/node` is the consumer's own; lending it ours saves an install. */
function lendNodeTypes(dir: string): void {
  const types = realpathSync(path.join(root, 'node_modules/@types/node'));
  const undici = path.dirname(
    createRequire(path.join(types, 'package.json')).resolve('undici-types/package.json'),
  );
  mkdirSync(path.join(dir, 'node_modules/@types'), { recursive: true });
  symlinkSync(types, path.join(dir, 'node_modules/@types/node'));
  symlinkSync(undici, path.join(dir, 'node_modules/undici-types'));
}
