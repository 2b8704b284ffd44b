// Every package, taken alone: packed as for the registry, installed into an empty project outside this repository by a user who
// has Node and no compiler, with install scripts off. Needs a finished build.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exampleIn, sameNamesScript, toCommonJs } from './example.ts';
import { installInto, plainEnvironment, reachable } from './outside.ts';
import { eachOf, type Outcome, run } from './run.ts';
import { checkTypes } from './types.ts';
import { type Publishable, publishablePackages } from './workspace.ts';

/** Packing and installing wait for the disk and for npm: two at a time keep two cores busy. */
const WIDTH = 2;

/** Bound by the disk, the network and npm, not by our code. */
vi.setConfig({ hookTimeout: 300_000, testTimeout: 60_000 });

const packages = publishablePackages();
const base = mkdtempSync(path.join(tmpdir(), 'stillframe-consumer-'));
const env = plainEnvironment(base);
const packed = new Map<string, Outcome>();
const installed = new Map<string, Outcome>();

/** What a failed expectation shows beside this is the program's output. */
const success = { ok: true, output: expect.any(String) };

const fileNameOf = (name: string): string => name.replace('@', '').replace('/', '-');
const projectOf = ({ name }: Publishable): string => path.join(base, 'projects', fileNameOf(name));
const folderOf = (taken: Publishable): string => path.join(projectOf(taken), 'node_modules', taken.name);
const tarballOf = (name: string): string => path.join(base, 'tarballs', `${fileNameOf(name)}.tgz`);

beforeAll(async () => {
  mkdirSync(path.join(base, 'tarballs'));
  await eachOf(packages, WIDTH, async ({ name, dir }) => {
    packed.set(name, await run('pnpm', ['pack', '--out', tarballOf(name)], { cwd: dir, env: process.env }));
  });
  await eachOf(packages, WIDTH, async (taken) => {
    const unpacked = taken.closure.map((name) => packed.get(name)).find((outcome) => !outcome?.ok);
    const tarballs = taken.closure.map(tarballOf);
    installed.set(taken.name, unpacked ?? (await installInto(projectOf(taken), tarballs, env)));
  });
});

afterAll(() => rmSync(base, { recursive: true, force: true }));

it('has a user without a compiler', () => {
  expect(reachable(env)).toEqual([]);
  expect(reachable({ ...env, PATH: process.env['PATH'] })).toContain('g++');
});

describe.each(packages)('$name', (taken) => {
  it('packs and installs alone, with scripts off', () => {
    expect(installed.get(taken.name)).toEqual(success);
    const own = readdirSync(path.join(projectOf(taken), 'node_modules/@stillframe'));
    expect(own.map((name) => `@stillframe/${name}`).toSorted()).toEqual(taken.closure.toSorted());
    expect(readFileSync(path.join(folderOf(taken), 'package.json'), 'utf8')).not.toMatch(
      /"(workspace|catalog):/,
    );
  });

  it('needs no install script', () => {
    const manifest = readFileSync(path.join(folderOf(taken), 'package.json'), 'utf8');
    const { scripts = {} }: { scripts?: object } = JSON.parse(manifest);
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
    // npm would build such a package at install.
    expect(existsSync(path.join(folderOf(taken), 'binding.gyp'))).toBe(false);
  });

  it('is published as its package.json says', async () => {
    const tarball = Uint8Array.from(readFileSync(tarballOf(taken.name))).buffer;
    const { messages } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map(({ code, path: place }) => `${code} at ${place.join(' ')}`)).toEqual([]);
  });
});

describe.each(packages.filter(({ native }) => native))('$name, which has an addon,', (taken) => {
  it('brings it along', () => {
    const binary = path.join(folderOf(taken), `prebuilds/linux-${process.arch}/node.napi.glibc.node`);
    expect(existsSync(binary)).toBe(true);
  });
});

describe.each(packages.filter(({ entries }) => entries.length > 0))('$name, a library,', (taken) => {
  const project = projectOf(taken);
  const runNode = (...args: string[]): Promise<Outcome> => run(process.execPath, args, { cwd: project, env });
  const example = (): string => exampleIn(path.join(folderOf(taken), 'README.md'));

  it('has a README example that runs as ESM', async () => {
    writeFileSync(path.join(project, 'example.mjs'), example());
    expect(await runNode('example.mjs')).toEqual(success);
  });

  it('has a README example that runs as CJS', async () => {
    writeFileSync(path.join(project, 'example.cjs'), toCommonJs(example()));
    expect(await runNode('example.cjs')).toEqual(success);
  });

  it('exports the same names to ESM and CJS', async () => {
    expect(await runNode('-e', sameNamesScript(taken.entries))).toEqual(success);
  });

  it('has types that check as ESM and CJS', async () => {
    expect(await checkTypes(project, taken.entries, env)).toEqual(success);
  });
});

describe.each(packages.filter(({ bins }) => bins.length > 0))('$name, a command,', (taken) => {
  it.each(taken.bins)('%s says how to use it', async (bin) => {
    const command = path.join(projectOf(taken), 'node_modules/.bin', bin);
    const outcome = await run(command, ['--help'], { cwd: projectOf(taken), env });
    expect(outcome).toEqual({ ok: true, output: expect.stringMatching(/usage/i) });
  });
});
