import { walkFrames } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { nullSink, receiveStream, type StreamOptions, sourceOf, takeSnapshot } from '../src/index.ts';
import { SimulatedTarget, simulatedClock, type TargetStep } from '../src/simulated/index.ts';
import {
  collect,
  memoryDifference,
  failureOf,
  hang,
  STREAM_ID,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

async function takeImage() {
  const { guest, clock } = smallGuest();
  const sink = new TestSink();
  const summary = await takeSnapshot(snapshotOptions(guest, sink, { clock })).result;
  return { image: sink.image()!, memory: guest.memoryAtCut, summary };
}

const { image, memory, summary } = await takeImage();

const frameEnds = [...walkFrames((offset, length) => image.subarray(offset, offset + length))].map(
  ({ offset, frameBytes }) => offset + frameBytes,
);

function receive(target: SimulatedTarget, bytes: Uint8Array, more: Partial<StreamOptions> = {}) {
  const clock = simulatedClock({ autoAdvance: true });
  return receiveStream({ source: sourceOf([bytes]), target, clock, ...more });
}

function expectDiscarded(target: SimulatedTarget): void {
  expect(target.isCommitted).toBe(false);
  expect(target.steps.at(-1)).toBe('discard');
  expect(target.memory).toEqual([]);
}

describe('receiveStream', () => {
  it('puts an image into a target', async () => {
    const target = new SimulatedTarget();
    const received = await receive(target, image).result;
    expect(memoryDifference(target.memory, memory)).toBe('');
    expect(target.steps).toEqual(['allocate', 'writeState', 'commit']);
    expect(received).toMatchObject({
      pages: summary.pages,
      zeroPages: summary.zeroPages,
      bytes: image.byteLength,
      digest: summary.digest,
      stateKind: 'simulated@1',
      streamId: Array(16).fill('07').join(''),
      oracleVerified: false,
    });
    expect(received.regions.map(({ name }) => name)).toEqual(['region-0', 'region-1']);
    expect(STREAM_ID.byteLength).toBe(16);
  });

  it('does not care how the bytes are cut', async () => {
    for (const size of [1, 7, 4096, 100_000]) {
      const chunks = Array.from({ length: Math.ceil(image.byteLength / size) }, (_, index) =>
        image.subarray(index * size, (index + 1) * size),
      );
      const target = new SimulatedTarget();
      // oxlint-disable-next-line no-await-in-loop -- one image after the other
      await receive(target, image, { source: sourceOf([new Uint8Array(0), ...chunks]) }).result;
      expect(memoryDifference(target.memory, memory)).toBe('');
    }
  });

  it('takes an async iterable, and gathers a state of many frames', async () => {
    const { guest, clock } = smallGuest({ stateBytes: 200_000 });
    const sink = new TestSink();
    const readerLimits = {
      maxPayloadBytes: 65536,
      maxRegions: 9,
      maxPages: 99,
      maxImageBytes: 1e6,
      maxStateBytes: 1e6,
    };
    await takeSnapshot(snapshotOptions(guest, sink, { clock, readerLimits })).result;
    async function* chunks() {
      yield sink.image()!;
    }
    const target = new SimulatedTarget();
    await receive(target, image, { source: chunks() }).result;
    expect(target.state?.bytes.byteLength).toBe(200_000);
    expect(target.steps).toEqual(['allocate', 'writeState', 'commit']);
  });

  it('tells where it is', async () => {
    const clock = simulatedClock({ autoAdvance: true });
    const bytes = sourceOf([image]);
    const source = {
      read: async (into: Uint8Array) => {
        await clock.after(3);
        return bytes.read(into.subarray(0, 5000));
      },
    };
    const run = receive(new SimulatedTarget(), image, { source, clock, progressIntervalMs: 2 });
    const events = await collect(run);
    expect(events.flatMap((event) => (event.type === 'phase' ? [event.phase] : []))).toEqual([
      'receive',
      'verify',
      'commit',
    ]);
    const progress = events.flatMap((event) =>
      event.type === 'progress' ? [event.progress.receivedPages] : [],
    );
    expect(progress.length).toBeGreaterThan(5);
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(run.progress()).toMatchObject({
      phase: 'commit',
      pages: 12,
      receivedPages: 12,
      bytes: image.byteLength,
    });
  });

  it('refuses limits that may not be set, at once', () => {
    expect(() => receive(new SimulatedTarget(), image, { limits: { maxRegions: 1e9 } })).toThrow(RangeError);
  });
});

function saysNo() {
  return { verified: false, message: 'page 3 is newer than the cut' };
}

function fails(): never {
  throw new Error('no database in here');
}

it('the target learns which image it is', async () => {
  const target = new SimulatedTarget();
  const { streamId } = await receive(target, image).result;
  expect(Buffer.from(target.streamId!).toString('hex')).toBe(streamId);
  expect(streamId).toMatch(/^[0-9a-f]{32}$/);
});

describe('an oracle', () => {
  it('sees the whole image before it is committed', async () => {
    const target = new SimulatedTarget();
    const received = await receive(target, image, {
      verify: ({ regions, state, totals }) => {
        expect(regions.length).toBe(2);
        expect(state.kind).toBe('simulated@1');
        expect(totals.pages).toBe(12);
        expect(memoryDifference(target.memory, memory)).toBe('');
        expect(target.isCommitted).toBe(false);
        return { verified: true };
      },
    }).result;
    expect(received.oracleVerified).toBe(true);
    expect(target.isCommitted).toBe(true);
  });

  it('that says no', async () => {
    const target = new SimulatedTarget();
    const failure = await failureOf(receive(target, image, { verify: saysNo }).result);
    expect(failure).toMatchObject({ code: 'not-verified', message: 'page 3 is newer than the cut' });
    expectDiscarded(target);
  });

  it('that fails', async () => {
    const target = new SimulatedTarget();
    const failure = await failureOf(receive(target, image, { verify: fails }).result);
    expect(failure).toMatchObject({ code: 'not-verified', cause: { message: 'no database in here' } });
    expectDiscarded(target);
  });

  it('that knows nothing about this kind of guest', async () => {
    const target = new SimulatedTarget();
    const received = await receive(target, image, { verify: () => undefined }).result;
    expect(received.oracleVerified).toBe(false);
    expect(target.isCommitted).toBe(true);
  });

  it('that gives up because it is told of an abort has said nothing about the image', async () => {
    const target = new SimulatedTarget();
    const abort = new AbortController();
    const verify = (_: unknown, signal: AbortSignal) => {
      abort.abort();
      signal.throwIfAborted();
      return { verified: true };
    };
    const failure = await failureOf(receive(target, image, { verify, signal: abort.signal }).result);
    expect(failure.code).toBe('aborted');
    expectDiscarded(target);
  });

  it('is not asked about an image that is not whole', async () => {
    const target = new SimulatedTarget();
    let asked = 0;
    const verify = () => {
      asked += 1;
      return { verified: true };
    };
    await failureOf(receive(target, image.subarray(0, -1), { verify }).result);
    expect(asked).toBe(0);
  });

  it('is told of an abort, and waited for', async () => {
    const target = new SimulatedTarget();
    const abort = new AbortController();
    let stepsWhenDone: readonly TargetStep[] = [];
    const verify = async (_: unknown, signal: AbortSignal) => {
      abort.abort();
      expect(signal.aborted).toBe(true);
      await Promise.resolve();
      stepsWhenDone = [...target.steps];
      return { verified: true };
    };
    const failure = await failureOf(receive(target, image, { verify, signal: abort.signal }).result);
    expect(failure.code).toBe('aborted');
    expect(stepsWhenDone).toEqual(['allocate', 'writeState']);
    expectDiscarded(target);
  });
});

describe('a stream that cannot be believed', () => {
  it('cut anywhere', async () => {
    const cuts = new Set([0, 1, 39, image.byteLength - 1]);
    for (const end of frameEnds.slice(0, -1)) for (const near of [-1, 0, 1, 40]) cuts.add(end + near);
    expect(cuts.size).toBeGreaterThan(15);
    for (const cut of cuts) {
      const target = new SimulatedTarget();
      // oxlint-disable-next-line no-await-in-loop -- one image after the other
      const failure = await failureOf(receive(target, image.subarray(0, cut)).result);
      expect(failure, `cut at ${cut}`).toMatchObject({
        code: 'corrupt-stream',
        operands: { streamCode: 'STREAM_TRUNCATED', byteOffset: cut },
      });
      expectDiscarded(target);
    }
  });

  it('with one byte changed', async () => {
    for (let at = 0; at < image.byteLength; at += 997) {
      const changed = image.slice();
      changed[at]! ^= 0x10;
      const target = new SimulatedTarget();
      // oxlint-disable-next-line no-await-in-loop -- one image after the other
      const failure = await failureOf(receive(target, changed).result);
      expect(['corrupt-stream', 'version-mismatch']).toContain(failure.code);
      expect(failure.hint).not.toBe('');
      expectDiscarded(target);
    }
  });

  it('with bytes behind the end', async () => {
    const target = new SimulatedTarget();
    const longer = new Uint8Array(image.byteLength + 1);
    longer.set(image);
    const failure = await failureOf(receive(target, longer).result);
    expect(failure).toMatchObject({
      code: 'corrupt-stream',
      operands: { streamCode: 'STREAM_TRAILING_BYTES' },
    });
    expectDiscarded(target);
  });

  it.for([{ maxRegions: 1 }, { maxPages: 11 }, { maxImageBytes: 12 * 4096 - 1 }, { maxStateBytes: 7 }])(
    'above %j: nothing is allocated for it',
    async (limits) => {
      const target = new SimulatedTarget();
      const failure = await failureOf(receive(target, image, { limits }).result);
      expect(failure).toMatchObject({ code: 'corrupt-stream', operands: { streamCode: 'STREAM_LIMIT' } });
      expect(target.steps).not.toContain('writeState');
      expect(target.steps.filter((step) => step === 'allocate').length).toBe(
        'maxStateBytes' in limits ? 1 : 0,
      );
      expectDiscarded(target);
    },
  );

  it.for([{ maxRegions: 2 }, { maxPages: 12 }, { maxImageBytes: 12 * 4096 }, { maxStateBytes: 8 }])(
    'exactly at %j is believed',
    async (limits) => {
      const target = new SimulatedTarget();
      await receive(target, image, { limits }).result;
      expect(target.isCommitted).toBe(true);
    },
  );
});

describe('a target that fails', () => {
  it.for(['allocate', 'writeState', 'writePages', 'commit'] as const)('at %s', async (step) => {
    const target = new SimulatedTarget({
      before: (asked) => {
        if (asked === step) throw new Error('disk full');
      },
    });
    const failure = await failureOf(receive(target, image).result);
    expect(failure).toMatchObject({
      code: 'target-failed',
      operands: { step: `target.${step}` },
      cause: { message: 'disk full' },
    });
    expect(target.steps.filter((asked) => asked === 'discard').length).toBe(1);
    expectDiscarded(target);
  });

  it('and cannot discard either: both are told', async () => {
    const target = new SimulatedTarget({
      before: (step) => {
        if (step === 'allocate' || step === 'discard') throw new Error(`no ${step}`);
      },
    });
    const failure = await failureOf(receive(target, image).result);
    expect(failure).toMatchObject({ code: 'target-failed', cause: { message: 'no allocate' } });
    expect(failure.failedCleanups).toMatchObject([
      { step: 'target.discard', error: { message: 'no discard' } },
    ]);
  });
});

describe('a source that fails', () => {
  it('at any read', async () => {
    for (let broken = 0; broken < 5; broken++) {
      const bytes = sourceOf([image]);
      let reads = 0;
      const source = {
        read: (into: Uint8Array) => {
          if (reads++ === broken) return Promise.reject(new Error('bad sector'));
          return bytes.read(into.subarray(0, Math.ceil(image.byteLength / 4)));
        },
      };
      const target = new SimulatedTarget();
      // oxlint-disable-next-line no-await-in-loop -- one image after the other
      const failure = await failureOf(receive(target, image, { source }).result);
      expect(failure).toMatchObject({ code: 'source-failed', cause: { message: 'bad sector' } });
      expectDiscarded(target);
    }
  });

  it('by hanging is left by an abort', async () => {
    const abort = new AbortController();
    const source = {
      read: () => {
        queueMicrotask(() => abort.abort('enough'));
        return hang();
      },
    };
    const target = new SimulatedTarget();
    const failure = await failureOf(receive(target, image, { source, signal: abort.signal }).result);
    expect(failure).toMatchObject({ code: 'aborted', cause: 'enough' });
    expectDiscarded(target);
  });
});

/** A target that is aborted in the middle of `step`, and that will not be asked for two things at a time. */
function abortedDuring(step: TargetStep) {
  const abort = new AbortController();
  const clock = simulatedClock({ autoAdvance: true });
  let isBusy = false;
  const target = new SimulatedTarget({
    before: async (asked) => {
      if (isBusy) throw new TypeError(`${asked} while ${step} is going on`);
      if (asked !== step || abort.signal.aborted) return;
      isBusy = true;
      abort.abort();
      await clock.after(1);
      isBusy = false;
    },
  });
  return { target, result: receive(target, image, { signal: abort.signal, clock }).result };
}

describe('an abort', () => {
  it.for(['allocate', 'writeState', 'writePages'] as const)('during %s', async (step) => {
    const { target, result } = abortedDuring(step);
    expect(await failureOf(result)).toMatchObject({ code: 'aborted', failedCleanups: [] });
    expectDiscarded(target);
  });

  it('during commit is too late: the image is there', async () => {
    const { target, result } = abortedDuring('commit');
    await result;
    expect(target.isCommitted).toBe(true);
  });

  it('before the start', async () => {
    const target = new SimulatedTarget();
    expect((await failureOf(receive(target, image, { signal: AbortSignal.abort() }).result)).code).toBe(
      'aborted',
    );
    expectDiscarded(target);
  });

  it('after the end changes nothing', async () => {
    const abort = new AbortController();
    const target = new SimulatedTarget();
    await receive(target, image, { signal: abort.signal }).result;
    abort.abort();
    expect(target.steps).not.toContain('discard');
  });
});

it('a snapshot to nowhere has the digest of one that is kept', async () => {
  const { guest, clock } = smallGuest();
  expect((await takeSnapshot(snapshotOptions(guest, nullSink(), { clock })).result).digest).toBe(
    summary.digest,
  );
});
