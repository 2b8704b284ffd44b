import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { DirtyRun } from '@stillframe/migration';
import { SealKey } from '@stillframe/sealed-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packHalf, readHalf } from '../../src/halves/half-state.ts';
import { MissingLookup } from '../../src/halves/missing-lookup.ts';
import { saveHalf } from '../../src/halves/save-half.ts';
import { loadImage } from '../../src/load-image.ts';
import { keepingContext, runCommand } from '../read-side/run-command.ts';
import { fileOf, simulatedImage } from '../read-side/image-files.ts';

const PAGE = 4096;
const MIGRATION = '0123456789abcdef0123456789abcdef';
const REGIONS = [
  { id: 0, name: 'heap', sizeBytes: 61 * PAGE, pageSize: PAGE },
  { id: 1, name: 'index', sizeBytes: 8 * PAGE, pageSize: PAGE },
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'halves-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const file = (name: string) => path.join(folder, name);

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed * 0x9e37_79b9 + 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Of every fourth page all bytes are zero. */
function memoryOf(seed: number): Buffer[] {
  const next = numbers(seed);
  return REGIONS.map(({ sizeBytes }) => {
    const memory = Buffer.alloc(sizeBytes);
    for (let page = 0; page < sizeBytes / PAGE; page++) {
      if (next() < 0.25) continue;
      memory.fill(1 + Math.floor(next() * 255), page * PAGE, (page + 1) * PAGE);
    }
    return memory;
  });
}

/** Each page is missing with this probability. */
function missingOf(seed: number, share: number): DirtyRun[] {
  const next = numbers(seed);
  const runs: DirtyRun[] = [];
  for (const { id, sizeBytes } of REGIONS) {
    for (let page = 0; page < sizeBytes / PAGE; page++) {
      if (next() >= share) continue;
      const last = runs.at(-1);
      if (last?.region === id && last.firstPage + last.pageCount === page) {
        runs[runs.length - 1] = { ...last, pageCount: last.pageCount + 1 };
      } else runs.push({ region: id, firstPage: page, pageCount: 1 });
    }
  }
  return runs;
}

interface Saved {
  readonly missing?: readonly DirtyRun[];
  readonly migration?: string;
  readonly kind?: string;
  readonly key?: SealKey;
}

/** Reading a page that is missing fails, where it would sleep for ever in a guest. */
async function save(
  name: string,
  side: 'source' | 'destination',
  memory: readonly Buffer[],
  { missing = [], migration = MIGRATION, kind = 'movable/test@1', key }: Saved = {},
): Promise<void> {
  const lookup = new MissingLookup(missing);
  const state = { kind, bytes: Buffer.from(`state of the ${side}`) };
  const readPages = (region: number, firstPage: number, into: Uint8Array) => {
    for (let page = firstPage; page < firstPage + into.byteLength / PAGE; page++) {
      if (lookup.stretch(region, page).isMissing) throw new Error(`page ${page} of ${region} is missing`);
    }
    into.set(memory[region]!.subarray(firstPage * PAGE, firstPage * PAGE + into.byteLength));
  };
  await saveHalf(
    { path: file(name), key },
    { regions: REGIONS, state, missing, readPages },
    { side, migration },
  );
}

const join = (...names: readonly string[]) =>
  runCommand(['reconcile', '--join', ...names.map(file), '--out', file('joined'), '--json']);

async function joined(): Promise<{ state: string; memory: Buffer[] }> {
  const { context } = keepingContext();
  await using loaded = await loadImage(file('joined'), { context, report: context.report(true) });
  const { state, regions } = loaded.image;
  return {
    state: Buffer.from(state.bytes).toString(),
    memory: [...regions.values()].map((view) => Buffer.from(view)),
  };
}

describe('two halves', () => {
  it.each([0, 0.02, 0.3, 0.5, 0.9, 1])('are the whole memory: %d of the pages missing', async (share) => {
    for (let seed = 1; seed <= 4; seed++) {
      const missing = missingOf(seed, share);
      // What the destination has differs: its guest went on writing.
      const [source, destination] = [memoryOf(seed), memoryOf(seed + 1000)];
      const whole = destination.map((memory) => Buffer.from(memory));
      for (const { region, firstPage, pageCount } of missing) {
        const [start, end] = [firstPage * PAGE, (firstPage + pageCount) * PAGE];
        source[region]!.copy(whole[region]!, start, start, end);
      }
      // oxlint-disable-next-line no-await-in-loop -- one split after the other
      await Promise.all([
        save('source', 'source', source),
        save('dest', 'destination', destination, { missing }),
      ]);
      // oxlint-disable-next-line no-await-in-loop -- as above
      const outcome = await join(...(seed % 2 === 0 ? ['source', 'dest'] : ['dest', 'source']));
      expect(outcome.exitCode).toBe(0);
      expect(outcome.lines().at(-1)).toMatchObject({
        type: 'summary',
        pages: 69,
        pagesFromSource: missing.reduce((sum, { pageCount }) => sum + pageCount, 0),
      });
      // oxlint-disable-next-line no-await-in-loop -- as above
      const { state, memory } = await joined();
      expect(state).toBe('state of the destination');
      for (const [region, bytes] of memory.entries()) expect(bytes.equals(whole[region]!)).toBe(true);
    }
  });

  it('are readable for their owner only, and nothing else is left', async () => {
    await save('source', 'source', memoryOf(1));
    expect((await stat(file('source'))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['source']);
  });
});

describe('one half', () => {
  it('is the guest when it has every page', async () => {
    const memory = memoryOf(1);
    await save('one', 'source', memory);
    const outcome = await join('one');
    expect(outcome.stderr).toContain('as of the hand-over');
    expect(outcome.lines().at(-1)).toMatchObject({ outcome: 'done', halves: 1, pages: 69 });
    const whole = await joined();
    expect(whole.state).toBe('state of the source');
    for (const [region, bytes] of whole.memory.entries()) expect(bytes.equals(memory[region]!)).toBe(true);
  });

  it('is refused when it misses pages, and nothing is left', async () => {
    await save('two', 'destination', memoryOf(1), { missing: [{ region: 0, firstPage: 3, pageCount: 2 }] });
    const outcome = await join('two');
    expect(outcome.stderr).toContain('misses 2 pages');
    expect(outcome.exitCode).toBe(15);
    expect(await readdir(folder)).toEqual(['two']);
  });
});

it('halves that are sealed are joined with their key, and with no other; what comes of them is sealed', async () => {
  for (const name of ['key', 'other']) {
    // oxlint-disable-next-line no-await-in-loop -- two files
    expect((await runCommand(['key', '--out', file(name)])).exitCode).toBe(0);
  }
  const key = SealKey.fromKeyFile(await readFile(file('key')));
  await save('one', 'source', memoryOf(1), { key });
  await save('two', 'destination', memoryOf(2), { key, missing: missingOf(1, 0.5) });
  const sealedJoin = (...flags: string[]) =>
    runCommand(['reconcile', '--join', file('one'), file('two'), '--out', file('joined'), ...flags]);
  expect((await sealedJoin()).exitCode).toBe(15);
  expect((await sealedJoin('--key-file', file('other'))).exitCode).toBe(15);
  expect(await readdir(folder)).not.toContain('joined');
  expect(await sealedJoin('--key-file', file('key'))).toMatchObject({ exitCode: 0 });
  expect((await runCommand(['inspect', file('joined')])).exitCode).toBe(15);
  expect((await runCommand(['inspect', file('joined'), '--key-file', file('key')])).exitCode).toBe(0);
});

describe('halves that do not belong together', () => {
  const memory = memoryOf(1);

  it.each([
    ['two of one side', 'source', {}, 15],
    ['those of different migrations', 'destination', { migration: 'f'.repeat(32) }, 15],
    ['those of different guests', 'destination', { kind: 'movable/other@1' }, 15],
  ] as const)('are refused: %s', async (_what, side, saved, code) => {
    await save('one', 'source', memory);
    await save('two', side, memory, saved);
    const outcome = await join('one', 'two');
    expect(outcome.exitCode).toBe(code);
    expect((await readdir(folder)).toSorted()).toEqual(['one', 'two']);
  });

  it('are refused when the source says that it misses pages', async () => {
    await save('one', 'source', memory, { missing: [{ region: 0, firstPage: 3, pageCount: 1 }] });
    await save('two', 'destination', memory);
    expect((await join('one', 'two')).exitCode).toBe(15);
  });

  it('an image that is no half is refused, and a damaged one', async () => {
    await save('one', 'source', memory);
    await fileOf(folder, 'image', (await simulatedImage([{ pageCount: 4 }])).bytes);
    expect((await join('one', 'image')).exitCode).toBe(2);
    const bytes = await readFile(file('one'));
    bytes[bytes.byteLength >>> 1] = bytes[bytes.byteLength >>> 1]! ^ 1;
    await writeFile(file('bad'), bytes);
    expect((await join('one', 'bad')).exitCode).toBe(13);
    expect((await join('one', 'gone')).exitCode).toBe(16);
  });

  it('--join wants --out, and --out wants --join', async () => {
    expect((await runCommand(['reconcile', '--join', 'a', 'b'])).exitCode).toBe(2);
    expect((await runCommand(['reconcile', 'a', 'b', '--out', 'c'])).exitCode).toBe(2);
  });
});

describe('the note of a half', () => {
  const state = { kind: 'movable/test@1', bytes: new Uint8Array([1, 2, 3]) };
  const note = (missing: readonly DirtyRun[]) =>
    readHalf(packHalf({ side: 'source', migration: MIGRATION, missing, state }), REGIONS);

  it('comes back as it was', () => {
    const missing = missingOf(3, 0.4);
    expect(note(missing)).toMatchObject({ side: 'source', migration: MIGRATION, missing });
    expect(Buffer.from(note(missing)!.state.bytes)).toEqual(Buffer.from(state.bytes));
  });

  it.each([
    ['beyond its region', [{ region: 1, firstPage: 7, pageCount: 2 }]],
    ['of no region', [{ region: 2, firstPage: 0, pageCount: 1 }]],
    ['of no page', [{ region: 0, firstPage: 0, pageCount: 0 }]],
    [
      'twice',
      [
        { region: 0, firstPage: 0, pageCount: 3 },
        { region: 0, firstPage: 2, pageCount: 3 },
      ],
    ],
    [
      'descending',
      [
        { region: 1, firstPage: 0, pageCount: 1 },
        { region: 0, firstPage: 0, pageCount: 1 },
      ],
    ],
  ] as const)('is no note with pages %s', (_what, missing) => {
    expect(note(missing)).toBeUndefined();
  });

  it('is no note when it is cut short, or somebody else’s', () => {
    const { kind, bytes } = packHalf({ side: 'source', migration: MIGRATION, missing: [], state });
    for (const size of [0, 3, 4, 40]) {
      expect(readHalf({ kind, bytes: bytes.subarray(0, size) }, REGIONS)).toBeUndefined();
    }
    expect(readHalf({ kind: 'workload/counter@1', bytes }, REGIONS)).toBeUndefined();
  });
});

const restore = (into: readonly string[]) => runCommand(['restore', file('dest'), ...into, '--json']);

describe('a half that lacks pages', () => {
  it.each([
    { into: ['--into', 'memory'] },
    { into: ['--into', 'memory', '--lazy'] },
    { into: ['--into', 'exec', '--', 'true'] },
    { into: ['--lazy', '--handoff', '/nowhere/socket'] },
  ])('is not restored: $into', async ({ into }) => {
    await save('dest', 'destination', memoryOf(1), { missing: missingOf(1, 0.3) });
    const outcome = await restore(into);
    expect(outcome.exitCode).toBe(15);
    expect(outcome.stderr).toContain('reconcile --join');
  });

  it('leaves no directory', async () => {
    await save('dest', 'destination', memoryOf(1), { missing: missingOf(1, 0.3) });
    expect((await restore(['--into', `file:${file('out')}`])).exitCode).toBe(15);
    expect(await readdir(folder)).toEqual(['dest']);
  });

  it('can be looked at', async () => {
    await save('dest', 'destination', memoryOf(1), { missing: missingOf(1, 0.3) });
    expect((await runCommand(['verify', file('dest')])).exitCode).toBe(0);
    expect((await runCommand(['inspect', file('dest')])).exitCode).toBe(0);
  });
});

it('a half that has every page is restored', async () => {
  await save('source', 'source', memoryOf(1));
  expect((await runCommand(['restore', file('source'), '--into', 'memory'])).exitCode).toBe(0);
});
