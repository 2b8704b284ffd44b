import { limiterFromConfig } from '@stillframe/limiter';
import type { LimiterStep } from '@stillframe/snapshot';
import { describe, expect, it } from 'vitest';
import { replayTrace } from '../src/replay/replay-trace.ts';
import { replayLines, summarize } from '../src/replay/say.ts';
import { replayPlots } from '../src/report/replay-plots.ts';
import { simulate } from '../src/sim/simulate.ts';
import { faultOfMarkup } from './markup-check.ts';
import { small, sink } from './small.ts';

/** A trace as `migrate --trace` writes it, of a simulated run. */
function traceOf(limiter: string): { lines: string[]; steps: LimiterStep[] } {
  const steps: LimiterStep[] = [];
  const setting = { setting: limiter, directory: '/' };
  simulate({ ...small({ sink: sink('jittery'), limiter }), onStep: (step) => steps.push(step) });
  const header = {
    type: 'header',
    format: 'stillframe-trace',
    version: 1,
    startedAt: '2020-11-18T12:00:00.000Z',
    limiter: { name: limiterFromConfig(limiter).name, ...setting },
    pageSize: 4096,
    pageCount: 1024,
    regions: [{ name: 'memory', sizeBytes: 4 * 2 ** 20, pageSize: 4096 }],
    capture: { preImagesMaxBytes: 2 ** 20, overflow: 'spill' },
    guest: {},
  };
  const entries = steps.map(({ began, limiter: name, observation, grant }) => {
    const start = began === undefined ? {} : { began: { ...began, ...setting } };
    return { type: 'step', limiter: name, observation, grant, ...start };
  });
  const end = { type: 'end', outcome: 'done', steps: steps.length, missing: 0 };
  return { lines: [header, ...entries, end].map((line) => JSON.stringify(line)), steps };
}

async function* bytesOf(lines: readonly string[]): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${lines.join('\n')}\n`);
}

describe('a replayed trace', () => {
  it('shows the run, and the policy that ran decides as it did', async () => {
    const { lines, steps } = traceOf('linear-scan');
    const model = await replayTrace(bytesOf(lines), 'run.trace');
    expect(model).toMatchObject({ name: 'run.trace', limiter: 'linear-scan' });
    expect(model.points).toHaveLength(steps.length);
    expect(model.points[0]).toMatchObject({ atMs: 0, pagesLeft: 1024 });
    const again = model.others.find(({ policy }) => policy === 'linear-scan')!;
    expect(again.decisions).toEqual(model.points.map(({ grant }) => grant));
    const said = summarize(model);
    expect(said.find(({ policy }) => policy === 'linear-scan')).toMatchObject({ differsShare: 0 });
    // Another policy has something else to say, or the comparison says nothing.
    expect(said.find(({ policy }) => policy === 'deadline 8 s')!.differsShare).toBeGreaterThan(0);
    for (const { allowedShare } of said) {
      expect(allowedShare).toBeGreaterThanOrEqual(0);
      expect(allowedShare).toBeLessThanOrEqual(1);
    }
  });

  it('is drawn, and says that it is open loop', async () => {
    const drawn = replayPlots(await replayTrace(bytesOf(traceOf('gentle').lines), 'a <trace>'));
    expect(faultOfMarkup(drawn)).toBeUndefined();
    expect(/NaN|undefined|Infinity/.exec(drawn)?.[0]).toBeUndefined();
    expect(drawn.includes('Open loop')).toBe(true);
    expect(drawn.includes('a &lt;trace&gt;')).toBe(true);
    expect(replayLines(await replayTrace(bytesOf(traceOf('none').lines), 't'))[0]).toContain('"loop":"open"');
  });

  it('one that ends early is shown as far as it goes', async () => {
    const { lines, steps } = traceOf('none');
    const model = await replayTrace(bytesOf(lines.slice(0, 6)), 'cut');
    expect(model.points).toHaveLength(5);
    expect(steps.length).toBeGreaterThan(5);
  });

  it.each([
    ['no trace', ['{"type":"cell"}']],
    ['nothing', []],
    [
      'no decisions',
      [traceOf('none').lines[0]!, JSON.stringify({ type: 'end', outcome: 'done', steps: 0, missing: 0 })],
    ],
  ])('%s is an error', async (_, lines) => {
    await expect(replayTrace(bytesOf(lines), 'bad')).rejects.toMatchObject({
      code: 'LAB_TRACE',
      exitCode: 13,
    });
  });
});
