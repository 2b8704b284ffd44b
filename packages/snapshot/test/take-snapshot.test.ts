import { none } from '@stillframe/limiter';
import { describe, expect, it } from 'vitest';
import { memorySink, nullSink, takeSnapshot } from '../src/index.ts';
import { type GuestStep, runWriters } from '../src/simulated/index.ts';
import {
  captureModes,
  memoryDifference,
  restored,
  SMALL,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

describe('takeSnapshot', () => {
  it.for(Object.entries(captureModes))('shows the cut while writers go on (%s)', async ([, capture]) => {
    const { guest, clock } = smallGuest({
      before: (step) => {
        // A writer that waits for the end of the pause is there before the sweep.
        if (step === 'resume') void guest.write(0, 6, new Uint8Array([0xff]));
      },
    });
    const sink = new TestSink();
    sink.onWrite = () => clock.after(0.01);
    const writing = runWriters({ guest, clock, writerCount: 3, writesEach: 20, intervalNs: 3000, seed: 5 });
    const summary = await takeSnapshot(snapshotOptions(guest, sink, { clock, capture })).result;
    await writing;
    const target = await restored(sink.image());
    expect(memoryDifference(target.memory, guest.memoryAtCut)).toBe('');
    expect(summary.faults).toBeGreaterThan(0);
    expect(summary.faultPages + summary.sweptPages).toBe(12);
    expect(summary.pages).toBe(12);
    expect(summary.bytes).toBe(sink.image()?.byteLength);
  });

  it('asks for everything in order, once', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    await takeSnapshot(snapshotOptions(guest, sink, { clock })).result;
    expect(guest.steps).toEqual(['open', 'pause', 'saveState', 'arm', 'resume', 'close']);
    expect(sink.calls.at(-1)).toBe('end');
    expect(sink.calls).not.toContain('abort');
  });

  it('streams the head before the guest opens, and the state before any page', async () => {
    const sink = new TestSink();
    const seen: string[] = [];
    const { guest, clock } = smallGuest({
      stateBytes: 100_000,
      before: (step) => {
        seen.push(`${step} after ${sink.writes}`);
      },
    });
    await takeSnapshot(snapshotOptions(guest, sink, { clock })).result;
    expect(seen[0]).toBe('open after 1');
    expect(sink.writeSizes[1]).toBeGreaterThan(100_000);
  });

  it('ends only after it has disarmed', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    let stepsAtEnd = 0;
    sink.onEnd = () => {
      stepsAtEnd = guest.steps.length;
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock })).result;
    expect(guest.steps[stepsAtEnd - 1]).toBe('close');
  });

  it('measures the pause and its parts, and what comes before and after', async () => {
    const costsMs = new Map<GuestStep, number>([
      ['pause', 1],
      ['saveState', 2],
      ['resume', 4],
      ['open', 8],
    ]);
    const { guest, clock } = smallGuest({
      before: (step) => clock.after(costsMs.get(step) ?? 0),
    });
    const sink = new TestSink();
    // Head, state, the pages in one batch, END.
    sink.onWrite = (index) => clock.after([16, 32, 64, 128][index] ?? 0);
    const summary = await takeSnapshot(snapshotOptions(guest, sink, { clock })).result;
    const { pause, pauseMs } = summary;
    expect(summary.prepareMs).toBeCloseTo(16 + 8, 6);
    expect(summary.streamMs).toBeCloseTo(32 + 64, 6);
    expect(summary.durationMs).toBeCloseTo(16 + 8 + 7 + 32 + 64 + 128, 6);
    expect(pauseMs).toBeCloseTo(7, 6);
    expect(pause.totalMs).toBeCloseTo(7, 6);
    expect(pause.stopMs).toBeCloseTo(1, 6);
    expect(pause.saveStateMs).toBeCloseTo(2, 6);
    expect(pause.armMs).toBeCloseTo(0, 6);
    expect(pause.resumeMs).toBeCloseTo(4, 6);
  });

  it('gives the same digest for the same memory, whatever the mode', async () => {
    const digests = await Promise.all(
      Object.values(captureModes).map(async (capture) => {
        const { guest, clock } = smallGuest();
        return (await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, capture })).result).digest;
      }),
    );
    expect(new Set(digests).size).toBe(1);
  });

  it('tells the limiter the deadline', async () => {
    const { guest, clock } = smallGuest();
    const deadlines = new Set<number | undefined>();
    const limiter = { ...none(), step: observe((observation) => deadlines.add(observation.deadlineNs)) };
    const startNs = clock.nowNs();
    await takeSnapshot(snapshotOptions(guest, nullSink(), { clock, limiter, deadlineMs: 5 })).result;
    expect([...deadlines]).toEqual([startNs + 5_000_000]);
  });

  it.for([
    { capture: { preImagesMaxBytes: -1, overflow: 'stall' } },
    { capture: { preImagesMaxBytes: 0.5, overflow: 'stall' } },
    { capture: { preImagesMaxBytes: 0, overflow: 'spill' } },
    { capture: { preImagesMaxBytes: 4096, overflow: 'explode' } },
    { progressIntervalMs: 0 },
    { deadlineMs: Number.NaN },
    { streamId: new Uint8Array(15) },
  ])('refuses %j at once', (wrong) => {
    const { guest, clock } = smallGuest();
    const options = { ...snapshotOptions(guest, nullSink(), { clock }), ...wrong };
    // @ts-expect-error -- as a caller without types would
    expect(() => takeSnapshot(options)).toThrow(RangeError);
    expect(guest.steps).toEqual([]);
  });

  it('takes the smallest of everything', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 1 }] });
    const sink = memorySink({ maxBytes: 10_000 });
    await takeSnapshot(snapshotOptions(guest, sink, { clock, capture: SMALL, progressIntervalMs: 0.001 }))
      .result;
    expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
  });
});

type Step = ReturnType<typeof none>['step'];

function observe(look: (observation: Parameters<Step>[1]) => void): Step {
  const limiter = none();
  return (state, observation) => {
    look(observation);
    return limiter.step(state, observation);
  };
}
