import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Outcome, run } from './run.ts';

/** Tools that would let an install build something after all. */
export const compilers = [
  'g++',
  'gcc',
  'c++',
  'cc',
  'clang',
  'clang++',
  'make',
  'cmake',
  'python',
  'python3',
];

/**
 * An environment like that of a user who has Node and nothing else: PATH is one folder, with `node` in it. What pnpm, npm and vitest
 * tell their children about this repository is left out.
 */
export function plainEnvironment(dir: string): NodeJS.ProcessEnv {
  const bin = path.join(dir, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(process.execPath, path.join(bin, 'node'));
  const { HOME = dir } = process.env;
  return { HOME, PATH: bin, LANG: 'C.UTF-8' };
}

/** The compilers that a program started with `env` would find. */
export function reachable(env: NodeJS.ProcessEnv): readonly string[] {
  return compilers.filter((tool) => {
    try {
      execFileSync('/bin/sh', ['-c', `command -v ${tool}`], { env, stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  });
}

/** A new project that depends on the given tarballs and nothing else, installed without running any script. */
export function installInto(
  dir: string,
  tarballs: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  mkdirSync(dir, { recursive: true });
  writeFileSync(path.join(dir, 'package.json'), '{ "name": "outside", "private": true }\n');
  const args = [
    'install',
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  return run(process.execPath, [npmScript(), ...args, ...tarballs], { cwd: dir, env });
}

/** npm itself, to be run by the Node that runs this. */
function npmScript(): string {
  const found = execFileSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' });
  return realpathSync(found.trim());
}
