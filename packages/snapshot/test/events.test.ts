import { getEventListeners } from 'node:events';
import { linearScan, none, type Observation } from '@stillframe/limiter';
import { describe, expect, it } from 'vitest';
import { nullSink, SnapshotError, type SnapshotEvent, takeSnapshot } from '../src/index.ts';
import { Barrier } from '../src/simulated/index.ts';
import {
  collect,
  harmTo,
  failureOf,
  hang,
  INLINE,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

const PHASES = ['prepare', 'pause', 'arm', 'resume', 'stream', 'disarm', 'end'];

function phasesOf(events: readonly SnapshotEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []));
}

/** A sink whose writes each take 1 ms. */
function slowSink(clock: ReturnType<typeof smallGuest>['clock']): TestSink {
  const sink = new TestSink();
  sink.onWrite = () => clock.after(1);
  return sink;
}

describe('events', () => {
  it('come in order of time, and then the loop ends', async () => {
    const { guest, clock } = smallGuest();
    const options = snapshotOptions(guest, slowSink(clock), {
      clock,
      capture: INLINE,
      progressIntervalMs: 2,
    });
    const events = await collect(takeSnapshot(options));
    expect(phasesOf(events)).toEqual(PHASES);
    const times = events.map(({ atNs }) => atNs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(events.filter(({ type }) => type === 'progress').length).toBeGreaterThan(3);
  });

  it('of the pause are delivered after it', async () => {
    const { guest, clock } = smallGuest();
    for await (const event of takeSnapshot(snapshotOptions(guest, nullSink(), { clock }))) {
      if (event.type !== 'phase' || !['pause', 'arm', 'resume'].includes(event.phase)) continue;
      expect(guest.steps).toContain('resume');
      expect(guest.isPaused).toBe(false);
    }
  });

  it('do not come while the guest stands still, however long', async () => {
    const { guest, clock } = smallGuest({
      before: (step) => (step === 'saveState' ? clock.after(50) : undefined),
    });
    const run = takeSnapshot(snapshotOptions(guest, nullSink(), { clock, progressIntervalMs: 1 }));
    for await (const event of run) expect(guest.isPaused, `paused at ${event.type}`).toBe(false);
  });

  it('show progress while the sink hangs', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const release = new Barrier();
    sink.onWrite = (index) => (index === 2 ? release.lifted : undefined);
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, progressIntervalMs: 7 }));
    for await (const event of run) {
      if (event.type === 'progress' && event.progress.sink.longestWriteMs > 20) release.lift();
    }
    expect(release.isLifted).toBe(true);
  });

  it('are not needed: nobody looks and the snapshot is taken', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    await takeSnapshot(snapshotOptions(guest, sink, { clock })).result;
    expect(sink.image()).toBeDefined();
  });

  it('reach a late reader: all phases, the rest not', async () => {
    const { guest, clock } = smallGuest();
    const options = snapshotOptions(guest, slowSink(clock), {
      clock,
      capture: INLINE,
      progressIntervalMs: 1,
    });
    const run = takeSnapshot(options);
    await run.result;
    const events = await collect(run);
    expect(phasesOf(events)).toEqual(PHASES);
    expect(events.length).toBe(PHASES.length);
  });

  it('reach two readers', async () => {
    const { guest, clock } = smallGuest();
    const run = takeSnapshot(snapshotOptions(guest, nullSink(), { clock }));
    const [one, two] = await Promise.all([collect(run), collect(run)]);
    expect(phasesOf(one)).toEqual(PHASES);
    expect(two).toEqual(one);
  });

  it('do not pile up before a slow reader', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 500 }] });
    const options = snapshotOptions(guest, slowSink(clock), {
      clock,
      capture: INLINE,
      progressIntervalMs: 1,
    });
    const run = takeSnapshot(options);
    const reader = run[Symbol.asyncIterator]();
    await reader.next();
    await run.result;
    const rest = await collect({ [Symbol.asyncIterator]: () => reader });
    expect(phasesOf(rest)).toEqual(PHASES.slice(1));
    expect(rest.filter(({ type }) => type === 'progress').length).toBe(1);
    expect(rest.filter(({ type }) => type === 'limiter').length).toBeLessThanOrEqual(1);
    const newest = rest.find((event) => event.type === 'progress');
    expect(newest?.progress.takenPages).toBe(500);
  });

  it('tell when the limiter changes its mind', async () => {
    const { guest, clock } = smallGuest({
      before: (step) => {
        if (step === 'resume') void guest.write(0, 6, new Uint8Array([1]));
      },
    });
    const sink = new TestSink();
    // Slower than the 5 ms after which linear-scan calls a fault slow.
    sink.onWrite = () => clock.after(6);
    const limiter = linearScan({ waits: 3 });
    const events = await collect(
      takeSnapshot(snapshotOptions(guest, sink, { clock, limiter, capture: INLINE })),
    );
    const reasons = events.flatMap((event) => (event.type === 'limiter' ? [event.grant.reason] : []));
    expect(reasons).toEqual(['full speed', 'throttled', 'full speed']);
  });

  it('throw what result rejects with, and result needs no handler then', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    sink.onWrite = (index) => {
      if (index === 2) throw new Error('disk full');
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock }));
    const failure = await failureOf(collect(run));
    expect(failure.code).toBe('sink-failed');
    await expect(run.result).rejects.toBe(failure);
  });

  it('leave no rejection unhandled when only the loop is looked at', async () => {
    const { guest, clock } = smallGuest();
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', onUnhandled);
    const run = takeSnapshot(snapshotOptions(guest, nullSink(), { clock, signal: AbortSignal.abort() }));
    await expect(collect(run)).rejects.toMatchObject({ code: 'aborted' });
    // Node reports at the end of a turn of the event loop.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });

  it('throw once; then the iterator has ended', async () => {
    const { guest, clock } = smallGuest();
    const run = takeSnapshot(snapshotOptions(guest, nullSink(), { clock, signal: AbortSignal.abort() }));
    const iterator = run[Symbol.asyncIterator]();
    await expect(collect({ [Symbol.asyncIterator]: () => iterator })).rejects.toMatchObject({
      code: 'aborted',
    });
    await expect(iterator.next()).resolves.toEqual({ value: undefined, done: true });
  });

  it('may be left early; the snapshot goes on', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock }));
    for await (const event of run) if (event.type === 'phase' && event.phase === 'stream') break;
    await run.result;
    expect(sink.image()).toBeDefined();
  });
});

describe('a run', () => {
  it('is stopped by the end of its scope', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const writing = new Barrier();
    sink.onWrite = (index) => {
      if (index < 2) return undefined;
      writing.lift();
      return hang();
    };
    {
      await using run = takeSnapshot(snapshotOptions(guest, sink, { clock }));
      await writing.lifted;
      expect(run.progress().phase).toBe('stream');
    }
    expect(sink.calls.at(-1)).toBe('abort');
    expect(await harmTo(guest)).toEqual([]);
  });

  it('leaves no listener on the signal of its caller', async () => {
    const { guest, clock } = smallGuest();
    const { signal } = new AbortController();
    await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, signal })).result;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('that has ended is not hurt by the end of its scope', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    {
      await using run = takeSnapshot(snapshotOptions(guest, sink, { clock }));
      await run.result;
    }
    expect(sink.image()).toBeDefined();
  });

  it('shows its numbers at any moment', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock }));
    expect(run.progress()).toMatchObject({ phase: 'prepare', pages: 0, takenPages: 0 });
    await run.result;
    expect(run.progress()).toMatchObject({ phase: 'end', pages: 12, capturedPages: 12, takenPages: 12 });
  });

  it('exchanges its limiter', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const stopped = {
      ...none(),
      name: 'stopped',
      step: () => ({ state: null, grant: { pages: 0, notBeforeNs: 0, wakeOnFault: false } }),
    };
    const run = takeSnapshot(
      snapshotOptions(guest, sink, { clock, limiter: stopped, progressIntervalMs: 10 }),
    );
    const takenBefore: number[] = [];
    for await (const event of run) {
      if (event.type !== 'progress' || event.progress.limiter.name !== 'stopped') continue;
      takenBefore.push(event.progress.takenPages);
      run.useLimiter(none());
    }
    expect(takenBefore).toEqual([0]);
    const { limiter } = await run.result;
    expect(limiter.name).toBe('none');
    expect(limiter.heldMs).toBeGreaterThanOrEqual(10);
  });

  it('exchanges its limiter at any moment', async () => {
    const { guest, clock } = smallGuest();
    const other = { ...none(), name: 'other' };
    const phases: string[] = [];
    const run = takeSnapshot(snapshotOptions(guest, slowSink(clock), { clock }));
    for await (const event of run) {
      if (event.type !== 'phase') continue;
      run.useLimiter(other);
      phases.push(event.phase);
    }
    run.useLimiter(none());
    expect(phases).toEqual(PHASES);
    expect((await run.result).limiter.name).toBe('other');
  });

  it('keeps its limiter when the new one is broken', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const reached = new Barrier();
    const release = new Barrier();
    sink.onWrite = (index) => {
      if (index !== 2) return undefined;
      reached.lift();
      return release.lifted;
    };
    const mine = { mine: true };
    const limiter = {
      name: 'remembers',
      initial: () => mine,
      step: (state: typeof mine, { pagesLeft, nowNs }: Observation) => {
        if (state !== mine) throw new Error('this is not my state');
        return { state, grant: { pages: pagesLeft, notBeforeNs: nowNs, wakeOnFault: false } };
      },
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, limiter }));
    await reached.lifted;
    const broken = {
      ...none(),
      name: 'broken',
      step: () => {
        throw new Error('out of tokens');
      },
    };
    expect(() => run.useLimiter(broken)).toThrow(SnapshotError);
    release.lift();
    expect((await run.result).limiter.name).toBe('remembers');
  });
});
