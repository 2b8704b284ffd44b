import { describe, expect, test } from 'vitest';
import { type GuestDirt, type NamedRun } from '../../src/dirty-rate/guest-dirt.ts';
import { measureDirt } from '../../src/dirty-rate/measure.ts';
import { startTarget } from '../process/target.ts';
import { needProcesses } from '../process/needs.ts';
import { needUserfaultfd } from '../e2e/userfaultfd.ts';
import { runCommand } from '../read-side/run-command.ts';

const PAGE = 4096;

function scripted(looks: readonly (readonly NamedRun[])[]): GuestDirt {
  let at = 0;
  return {
    sizeBytes: 100 * PAGE,
    pauseMs: 0,
    kind: 'async',
    collect: async () => [...(looks[at++] ?? [])],
    close: async () => undefined,
  };
}

describe('measuring', () => {
  test('what was written before the first interval does not count; regions by how much was written', async () => {
    const a = { region: 'a', firstPage: 1, pageCount: 2 };
    const b = { region: 'b', firstPage: 50, pageCount: 5 };
    let nowMs = 0;
    const samples: number[] = [];
    const measured = await measureDirt(scripted([[{ ...b, pageCount: 40 }], [a], [a, b], []]), {
      samples: 3,
      intervalMs: 10,
      signal: new AbortController().signal,
      onSample: ({ dirtyPages }) => samples.push(dirtyPages),
      // One look a second, whatever the sleeps.
      nowMs: () => (nowMs += 500),
    });
    expect(samples).toEqual([2, 7, 0]);
    expect(measured.regions).toEqual([
      { name: 'b', dirtyBytes: 5 * PAGE },
      { name: 'a', dirtyBytes: 4 * PAGE },
    ]);
    expect(measured.workingSet.at(-1)).toEqual({ intervalMs: 30, bytes: 7 * PAGE });
    expect(measured.meanBytesPerSecond).toBe((9 * PAGE * 1000) / measured.elapsedMs);
  });

  test('an abort ends it', async () => {
    const measuring = measureDirt(scripted([]), {
      samples: 1000,
      intervalMs: 1000,
      signal: AbortSignal.abort(new Error('enough')),
      onSample: () => undefined,
    });
    await expect(measuring).rejects.toThrow('enough');
  });
});

describe('migrate dirty-rate', () => {
  test('of a workload: its writes, and a prediction', async (context) => {
    needUserfaultfd(context);
    const guest = ['--workload', 'counter,size=16MiB,writers=1,rate=2000'];
    const link = ['--bandwidth', '10Gbit/s', '--downtime-ms', '500'];
    const outcome = await runCommand(['dirty-rate', ...guest, ...link, '--seconds', '1', '--json']);
    const lines = outcome.lines();
    expect(outcome.exitCode).toBe(0);
    const summary = lines.at(-1)!;
    expect(summary).toMatchObject({
      type: 'summary',
      outcome: 'done',
      memoryBytes: 16 * 2 ** 20,
      regions: [{ name: 'counter' }],
      convergence: { converges: true, bandwidthBytesPerSecond: 1.25e9 },
    });
    expect(lines.filter(({ type }) => type === 'sample')).toHaveLength(10);
    expect(Number(summary['meanBytesPerSecond'])).toBeGreaterThan(0);
  });

  test('of a process: text for people, and the process goes on', async (context) => {
    needProcesses(context);
    const target = await startTarget('writers', { threads: 2, pages: 512, pauseUs: 2000 });
    const { exitCode, stdout } = await runCommand([
      'dirty-rate',
      '--pid',
      String(target.pid),
      '--seconds',
      '0.3',
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/dirty rate .*pages\/s/);
    expect(stdout).toMatch(/Written at least once within/);
    expect(stdout).not.toMatch(/nothing was written/);
    await target.goesOn();
  });

  test.for([
    ['no guest', ['dirty-rate'], 'whose memory'],
    ['two guests', ['dirty-rate', '--pid', '1', '--workload', 'counter'], 'whose memory'],
    ['no speed', ['dirty-rate', '--workload', 'counter', '--bandwidth', '0bit/s'], 'above 0'],
    ['an unknown unit', ['dirty-rate', '--workload', 'counter', '--bandwidth', '1Gb'], 'unknown unit'],
    ['an interval below the limit', ['dirty-rate', '--workload', 'counter', '--interval-ms', '9'], 'from 10'],
    [
      'more looks than fit',
      ['dirty-rate', '--workload', 'counter', '--seconds', '86400', '--interval-ms', '10'],
      'looks',
    ],
  ] as const)('refuses %s', async ([, argv, words]) => {
    const { exitCode, stderr } = await runCommand(argv);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(words);
    expect(stderr).toContain('hint:');
  });
});
