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

/** Takes a snapshot and tells every moment that can be named: each step of the guest, each call of the sink. */
function watchedSnapshot(capture: CaptureOptions, onMoment: (moment: string) => void, signal: AbortSignal) {
  let pulls = 0;
  const { guest, clock } = smallGuest({
    before: (step) => onMoment(step === 'pull' ? `pull ${pulls++}` : step),
  });
  const sink = new TestSink();
  sink.onWrite = (index) => onMoment(`write ${index}`);
  sink.onEnd = () => onMoment('end');
  const { result } = takeSnapshot(snapshotOptions(guest, sink, { clock, capture, signal }));
  return { result, guest, sink };
}

/** What comes of a snapshot that is aborted at one moment. */
async function abortedAt(moment: string, capture: CaptureOptions) {
  const abort = new AbortController();
  const onMoment = (now: string) => {
    if (now === moment) abort.abort(moment);
  };
  const { result, guest, sink } = watchedSnapshot(capture, onMoment, abort.signal);
  const { code, cause } = await failureOf(result);
  return { code, cause, steps: guest.steps.slice(), left: await leftBehind(guest, sink) };
}

describe('an abort', () => {
  it.for(modes)('at any moment (%s)', async ([, capture]) => {
    const moments: string[] = [];
    const never = new AbortController().signal;
    await watchedSnapshot(capture, (moment) => moments.push(moment), never).result;
    expect(moments.length).toBeGreaterThanOrEqual(12);
    // At the end the sink decides: see below.
    for (const moment of moments.filter((name) => name !== 'end')) {
      // oxlint-disable-next-line no-await-in-loop -- one snapshot after the other
      expect(await abortedAt(moment, capture)).toMatchObject({ code: 'aborted', cause: moment, left: [] });
    }
  });

  it.for([
    { moment: 'write 0', steps: [] },
    { moment: 'open', steps: ['open', 'close'] },
    { moment: 'pause', steps: ['open', 'pause', 'resume', 'close'] },
    { moment: 'saveState', steps: ['open', 'pause', 'saveState', 'resume', 'close'] },
    { moment: 'arm', steps: ['open', 'pause', 'saveState', 'arm', 'resume', 'close'] },
  ])('at $moment: nothing new is begun', async ({ moment, steps }) => {
    expect((await abortedAt(moment, ROOMY)).steps).toEqual(steps);
  });

  it.for([0, 1, 2, 3])('while write %i hangs', async (hanging) => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const abort = new AbortController();
    sink.onWrite = (index) => {
      if (index !== hanging) return undefined;
      queueMicrotask(() => abort.abort());
      return hang();
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, signal: abort.signal, capture: SMALL }));
    expect((await failureOf(run.result)).code).toBe('aborted');
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it('while the end hangs: the sink decides, and has not completed', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const abort = new AbortController();
    sink.onEnd = () => {
      queueMicrotask(() => abort.abort());
      return hang();
    };
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, signal: abort.signal }));
    expect((await failureOf(run.result)).code).toBe('aborted');
    expect(await leftBehind(guest, sink)).toEqual([]);
  });

  it('while the end is done all the same: the image is complete', async () => {
    const { guest, clock } = smallGuest();
    const abort = new AbortController();
    const done = new Barrier();
    const calls: string[] = [];
    const sink = {
      write: async () => {},
      end: async () => {
        abort.abort();
        await done.lifted;
      },
      abort: async () => {
        calls.push('abort');
        done.lift();
      },
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, signal: abort.signal })).result;
    expect(calls).toEqual(['abort']);
    expect(await harmTo(guest)).toEqual([]);
  });

  it('before the start: the guest is not touched', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, signal: AbortSignal.abort('early') }));
    expect(await failureOf(run.result)).toMatchObject({ code: 'aborted', cause: 'early' });
    expect(guest.steps).toEqual([]);
  });

  it('after the end changes nothing', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const abort = new AbortController();
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, signal: abort.signal }));
    await run.result;
    abort.abort();
    expect(sink.calls).not.toContain('abort');
    expect(sink.image()).toBeDefined();
  });

  it('while writers wait for the sink frees them', async () => {
    const { guest, clock } = smallGuest();
    const sink = new TestSink();
    const abort = new AbortController();
    const writing: Promise<void>[] = [];
    sink.onWrite = (index) => {
      if (index < 2) return undefined;
      for (let page = 0; page < 7; page++) writing.push(guest.write(0, page, new Uint8Array([3])));
      queueMicrotask(() => abort.abort());
      return hang();
    };
    const capture: CaptureOptions = { preImagesMaxBytes: 4096, overflow: 'stall' };
    await failureOf(
      takeSnapshot(snapshotOptions(guest, sink, { clock, capture, signal: abort.signal })).result,
    );
    await Promise.all(writing);
    expect(writing.length).toBe(7);
    expect(await leftBehind(guest, sink)).toEqual([]);
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
