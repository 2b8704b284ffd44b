import { describe, expect, it } from 'vitest';
import { type CaptureOptions, takeSnapshot } from '../src/index.ts';
import { Barrier } from '../src/simulated/index.ts';
import {
  captureModes,
  failureOf,
  hang,
  harmTo,
  leftBehind,
  ROOMY,
  SMALL,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

const modes = Object.entries(captureModes);

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
