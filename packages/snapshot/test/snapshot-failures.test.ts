import { none } from '@stillframe/limiter';
import type { PageRun } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { type CaptureOptions, type SnapshotErrorCode, takeSnapshot } from '../src/index.ts';
import { Barrier, type GuestStep } from '../src/simulated/index.ts';
import {
  captureModes,
  leftBehind,
  memoryDifference,
  harmTo,
  failureOf,
  hang,
  ROOMY,
  restored,
  SMALL,
  SPILL,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

const modes = Object.entries(captureModes);

describe('a step of the guest that fails', () => {
  const expected: Readonly<Record<GuestStep, SnapshotErrorCode>> = {
    open: 'guest-failed',
    pause: 'guest-failed',
    saveState: 'guest-failed',
    resume: 'guest-failed',
    arm: 'capture-failed',
    pull: 'capture-failed',
    close: 'capture-failed',
  };
  const cases = Object.entries(expected).flatMap(([step, code]) =>
    modes.map(([name, capture]) => ({ step, code, name, capture })),
  );

  it.for(cases)('$step → $code ($name)', async ({ step, code, capture }) => {
    let failures = 1;
    const { guest, clock } = smallGuest({
      before: (asked) => {
        if (asked === step && failures-- > 0) throw new Error('not today');
      },
    });
    const sink = new TestSink();
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock, capture })).result);
    expect(failure.code).toBe(code);
    expect(String(failure.operands['step'])).toContain(step);
    expect(failure.cause).toMatchObject({ message: 'not today' });
    expect(failure.failedCleanups).toEqual([]);
    expect(await leftBehind(guest, sink)).toEqual([]);
    const next = new TestSink();
    await takeSnapshot(snapshotOptions(guest, next, { clock })).result;
    expect(memoryDifference((await restored(next.image())).memory, guest.memoryAtCut)).toBe('');
  });

  it('resume: a guest that cannot be resumed at all is named', async () => {
    const { guest, clock } = smallGuest({
      before: (step) => {
        if (step === 'resume') throw new Error('stuck');
      },
    });
    const sink = new TestSink();
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock })).result);
    expect(failure.code).toBe('guest-left-paused');
    expect(failure.cause).toMatchObject({ code: 'guest-failed' });
    expect(failure.failedCleanups.map(({ step }) => step)).toEqual(['guest.resume']);
    // The second attempt comes when nothing is armed any more.
    expect(guest.steps).toEqual(['open', 'pause', 'saveState', 'arm', 'resume', 'close', 'resume']);
    expect(sink.image()).toBeUndefined();
  });

  it('saveState and then resume: both are told, the first one first', async () => {
    let resumes = 0;
    const { guest, clock } = smallGuest({
      before: (step) => {
        if (step === 'saveState') throw new Error('no state');
        if (step === 'resume' && resumes++ === 0) throw new Error('busy');
      },
    });
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, new TestSink(), { clock })).result);
    expect(failure).toMatchObject({ code: 'guest-failed', operands: { step: 'guest.saveState' } });
    expect(failure.failedCleanups.map(({ step }) => step)).toEqual(['guest.resume']);
    expect(await harmTo(guest)).toEqual([]);
  });
});

describe('a capture that fails', () => {
  it.for(modes.filter(([name]) => name !== 'ROOMY'))('in the middle (%s)', async ([, capture]) => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    sink.onWrite = (index) => {
      if (index === 2) guest.capture?.fail(new Error('memory vanished'));
    };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock, capture })).result);
    expect(failure).toMatchObject({ code: 'capture-failed', cause: { message: 'memory vanished' } });
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it('when every page was pulled has not failed the snapshot', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    sink.onWrite = async (index) => {
      if (index < 2) return;
      guest.capture?.fail(new Error('memory vanished'));
      await clock.after(500);
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, capture: ROOMY })).result;
    expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
  });

  it('is noticed behind a sink that hangs', async () => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 100 }] });
    const sink = new TestSink();
    sink.onWrite = async (index) => {
      if (index < 2) return;
      // Until both batches are under way and the pump waits for the sink alone.
      await clock.after(1);
      guest.capture?.fail(new Error('memory vanished'));
      await hang();
    };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock })).result);
    expect(failure).toMatchObject({ code: 'capture-failed', cause: { message: 'memory vanished' } });
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it.for([
    { what: 'twice', wrong: (runs: readonly PageRun[]) => [...runs, ...runs] },
    { what: 'outside its region', wrong: () => [{ firstPage: 30, pageCount: 16, kind: 'data' } as const] },
  ])('by giving a page $what', async ({ wrong }) => {
    const { guest, clock } = smallGuest({ regions: [{ pageCount: 40 }] });
    const sink = new TestSink();
    const open = guest.open.bind(guest);
    guest.open = async (options) => {
      const capture = await open(options);
      const pull = capture.pull.bind(capture);
      capture.pull = (maxSlabs) =>
        pull(maxSlabs).map((slab) => Object.assign(slab, { runs: wrong(slab.runs) }));
      return capture;
    };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock })).result);
    expect(failure).toMatchObject({ code: 'capture-failed', operands: { step: 'encode pages' } });
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it('because its store is full with overflow abort', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    sink.onWrite = async (index) => {
      if (index !== 2) return;
      await Promise.all([0, 1, 2, 3, 4, 5, 6].map((page) => guest.write(0, page, new Uint8Array([9]))));
    };
    const capture: CaptureOptions = { preImagesMaxBytes: 4096, overflow: 'abort' };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock, capture })).result);
    expect(failure).toMatchObject({
      code: 'capture-failed',
      cause: { message: 'the pre-image store is full' },
    });
    expect(await leftBehind(guest, sink)).toEqual([]);
  });
});

describe('a sink that fails', () => {
  it.for(modes)('at any write (%s)', async ([, capture]) => {
    const whole = new TestSink();
    const first = smallGuest();
    await takeSnapshot(snapshotOptions(first.guest, whole, { clock: first.clock, capture })).result;
    expect(whole.writes).toBeGreaterThan(2);
    for (let broken = 0; broken < whole.writes; broken++) {
      const { guest, clock } = smallGuest();
      const sink = new TestSink();
      sink.onWrite = (index) => {
        if (index === broken) throw new Error('disk full');
      };
      // oxlint-disable-next-line no-await-in-loop -- one snapshot after the other
      const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock, capture })).result);
      expect(failure).toMatchObject({
        code: 'sink-failed',
        operands: { step: 'sink.write' },
        cause: { message: 'disk full' },
      });
      expect(sink.writes, 'writes after the failed one').toBe(broken + 1);
      // oxlint-disable-next-line no-await-in-loop -- one snapshot after the other
      expect(await leftBehind(guest, sink)).toEqual([]);
    }
  });

  it('at its end', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    sink.onEnd = () => {
      throw new Error('no rename');
    };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock })).result);
    expect(failure).toMatchObject({ code: 'sink-failed', operands: { step: 'sink.end' } });
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it('and cannot even be aborted: both are told', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    sink.onWrite = () => {
      throw new Error('disk full');
    };
    sink.onAbort = () => {
      throw new Error('no unlink');
    };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock })).result);
    expect(failure).toMatchObject({ code: 'sink-failed', cause: { message: 'disk full' } });
    expect(failure.failedCleanups).toMatchObject([{ step: 'sink.abort' }]);
  });

  it('takes slabs back only after the sink was aborted', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const writing = new Barrier();
    const abort = new AbortController();
    let onLoanAtAbort = 0;
    sink.onWrite = (index) => {
      if (index < 2) return undefined;
      writing.lift();
      return hang();
    };
    sink.onAbort = () => {
      onLoanAtAbort = guest.capture?.slabsOnLoan ?? 0;
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, signal: abort.signal, capture: SMALL }));
    await writing.lifted;
    abort.abort();
    await failureOf(run.result);
    expect(onLoanAtAbort).toBeGreaterThan(0);
    expect(await leftBehind(guest, sink)).toEqual([]);
  });
});

describe('a limiter that fails', () => {
  const grant = { pages: 1, notBeforeNs: 0, wakeOnFault: true };
  it.for([
    { pages: -1 },
    { pages: 0.5 },
    { pages: Number.NaN },
    { pages: Number.POSITIVE_INFINITY },
    { notBeforeNs: Number.NaN },
    { notBeforeNs: Number.POSITIVE_INFINITY },
  ])('with the grant %j', async (flaw) => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const limiter = { ...none(), step: () => ({ state: null, grant: { ...grant, ...flaw } }) };
    const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock, limiter })).result);
    expect(failure.code).toBe('limiter-failed');
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it.for([1, 2, 3])('at step %i', async (step) => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    let steps = 0;
    const limiter = {
      ...none(),
      step: () => {
        steps += 1;
        if (steps === step) throw new Error('out of tokens');
        return { state: null, grant: { ...grant, notBeforeNs: clock.nowNs() } };
      },
    };
    const failure = await failureOf(
      takeSnapshot(snapshotOptions(guest, sink, { clock, limiter, capture: SPILL })).result,
    );
    expect(failure).toMatchObject({ code: 'limiter-failed', cause: { message: 'out of tokens' } });
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it('that asks to be asked at once for ever leaves the event loop alone', async () => {
    const { guest, clock } = smallGuest();
    const abort = new AbortController();
    let steps = 0;
    const limiter = {
      ...none(),
      step: () => {
        steps += 1;
        if (steps === 50) abort.abort();
        return { state: null, grant: { pages: 0, notBeforeNs: 0, wakeOnFault: false } };
      },
    };
    const sink = new TestSink();
    const startNs = clock.nowNs();
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, limiter, signal: abort.signal }));
    expect((await failureOf(run.result)).code).toBe('aborted');
    expect(clock.nowNs() - startNs).toBeGreaterThanOrEqual(48 * 1_000_000);
  });
});

it('an image that the reader does not accept is a refusal', async () => {
  const { guest, clock } = smallGuest();
  const sink = new TestSink();
  const readerLimits = {
    maxPayloadBytes: 65536,
    maxRegions: 1,
    maxPages: 100,
    maxImageBytes: 1e6,
    maxStateBytes: 100,
  };
  const failure = await failureOf(takeSnapshot(snapshotOptions(guest, sink, { clock, readerLimits })).result);
  expect(failure).toMatchObject({ code: 'peer-refused', operands: { streamCode: 'STREAM_LIMIT' } });
  expect(guest.steps).toEqual([]);
  expect(await leftBehind(guest, sink)).toEqual([]);
});

it('a state that the reader does not accept is a refusal, and the guest runs on', async () => {
  const { guest, clock } = smallGuest({ stateBytes: 5000 });
  const sink = new TestSink();
  const readerLimits = {
    maxPayloadBytes: 65536,
    maxRegions: 9,
    maxPages: 100,
    maxImageBytes: 1e6,
    maxStateBytes: 4999,
  };
  const options = snapshotOptions(guest, sink, { clock, readerLimits, capture: ROOMY });
  expect((await failureOf(takeSnapshot(options).result)).code).toBe('peer-refused');
  expect(await leftBehind(guest, sink)).toEqual([]);
});
