import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MIB } from '../src/benchmark.ts';
import { benchmarks } from '../src/benchmarks/index.ts';
import { figureOf } from '../src/figure.ts';
import { verdictOf } from '../src/row.ts';
import { runBenchmarks } from '../src/run.ts';
import type { Scale } from '../src/scale.ts';
import { whyNoMachine } from '../src/vm/why-no-machine.ts';
import { migrateProgram, oursProgram, whyNot } from './compiled.ts';
import { whyNoRedis } from './redis-programs.ts';

/** So small that the figures mean nothing: it is shown that they come about. */
const TINY: Scale = {
  guestBytes: 16 * MIB,
  smallGuestBytes: 8 * MIB,
  processBytes: 16 * MIB,
  stallMs: 50,
  rounds: 1,
  longRounds: 1,
};

/** Machines boot, which takes long where the cores are busy. */
const TEST_MS = 120_000;

const noMachine = whyNoMachine();
if (noMachine !== undefined) console.warn(`skipped: machines, in vm and in migrate: ${noMachine}`);

/** How many rows have a goal, and how many of them may be void: huge pages are not to be had everywhere, and a store may not fill. */
const EXPECTED: Readonly<Record<string, { readonly goals: number; readonly void: number }>> = {
  arm: { goals: 5, void: 1 },
  track: { goals: 4, void: 0 },
  sweep: { goals: 1, void: 0 },
  file: { goals: 1, void: 0 },
  tcp: { goals: 1, void: 0 },
  stalls: { goals: 1, void: 0 },
  'stalling-sink': { goals: 2, void: 0 },
  memory: { goals: 2, void: 2 },
  fork: { goals: 0, void: 0 },
  process: { goals: 5, void: 0 },
  codec: { goals: 2, void: 0 },
  compress: { goals: 2, void: 0 },
  increment: { goals: 3, void: 0 },
  sealed: { goals: 0, void: 0 },
  lazy: { goals: 2, void: 0 },
  resume: { goals: 1, void: 0 },
  read: { goals: 4, void: 0 },
  // A guest this small may have come before anybody touches it. Where there is no machine, nor are the goals beside it.
  migrate: { goals: noMachine === undefined ? 8 : 4, void: 2 },
  // A sink that a machine this small does not fill does not hold it up.
  vm: { goals: 5, void: 1 },
};

const imageFolders = (): string[] =>
  readdirSync('/dev/shm').filter((name) => /^stillframe-bench-(?!test)/.test(name));

/** Where redis-server is missing, redis.test.ts is what is skipped. */
const runnable = benchmarks.filter(
  ({ name }) =>
    (name !== 'process' || whyNoRedis() === undefined) && (name !== 'vm' || noMachine === undefined),
);

describe.skipIf(whyNot() !== undefined)('every benchmark brings its rows', () => {
  test.each(runnable.map((benchmark) => [benchmark.name, benchmark] as const))(
    '%s',
    async (name, benchmark) => {
      const before = imageFolders();
      const talk: string[] = [];
      const { rows, memcpy } = await runBenchmarks({
        benchmarks: [benchmark],
        scale: TINY,
        isQuick: true,
        oursProgram,
        migrateProgram,
        onRows: (_benchmark, measured) => expect(measured.rows.length).toBeGreaterThan(0),
        progress: (text) => talk.push(text),
      });
      for (const row of rows) {
        expect(row.benchmark).toBe(name);
        for (const side of [row.measured, row.peer]) {
          expect(side.samples.every((sample) => Number.isFinite(sample) && sample >= 0)).toBe(true);
        }
        expect(figureOf(row.peer).value).toBeGreaterThan(0);
      }
      const expected = EXPECTED[name]!;
      expect(rows.filter((row) => row.goal !== undefined)).toHaveLength(expected.goals);
      expect(rows.filter((row) => verdictOf(row) === 'void').length).toBeLessThanOrEqual(expected.void);
      expect(memcpy.samples).toHaveLength(6);
      expect(talk.some((text) => text.startsWith(`${name}: `))).toBe(true);
      expect(imageFolders()).toEqual(before);
    },
    TEST_MS,
  );
});
