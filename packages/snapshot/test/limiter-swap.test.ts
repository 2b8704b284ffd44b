import { type Limiter, none, tokenBucket } from '@stillframe/limiter';
import { describe, expect, it } from 'vitest';
import { type LimiterStep, nullSink, SnapshotError, takeSnapshot } from '../src/index.ts';
import { Barrier } from '../src/simulated/index.ts';
import {
  INLINE,
  memoryDifference,
  restored,
  ROOMY,
  smallGuest,
  snapshotOptions,
  TestSink,
} from './fixture.ts';

const PAGE = 4096;
const SECOND_NS = 1_000_000_000;

/** 256 pages, swept at 64 pages a second after a burst of 16. */
function bucketRun(onLimiterStep?: (step: LimiterStep) => void, capture = ROOMY) {
  const { guest, clock } = smallGuest({ regions: [{ pageCount: 256 }] });
  const sink = new TestSink();
  const limiter = tokenBucket({ rate: 64 * PAGE, burst: 16 * PAGE });
  const tap = onLimiterStep === undefined ? {} : { onLimiterStep };
  const run = takeSnapshot(snapshotOptions(guest, sink, { clock, limiter, capture, ...tap }));
  return { run, guest, clock, sink };
}

/** Does `act` every `everyMs` until the run is over. */
async function meanwhile(
  clock: ReturnType<typeof smallGuest>['clock'],
  result: Promise<unknown>,
  everyMs: number,
  act: () => void,
) {
  const over = new AbortController();
  const ended = result.finally(() => over.abort('over'));
  while (!over.signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- time passes
    await clock.after(everyMs, over.signal);
    act();
  }
  await ended;
}

function whatIsThis(): never {
  throw new Error('what is this?');
}

describe('a re-tuned limiter', () => {
  it('owes what the one before did: no burst comes twice', async () => {
    const { run, clock } = bucketRun();
    const startNs = clock.nowNs();
    await meanwhile(clock, run.result, 50, () =>
      run.useLimiter(tokenBucket({ rate: 64 * PAGE, burst: 16 * PAGE })),
    );
    const seconds = (clock.nowNs() - startNs) / SECOND_NS;
    expect(seconds).toBeGreaterThan((256 - 16) / 64 - 0.1);
    expect(seconds).toBeLessThan((256 - 16) / 64 + 0.3);
  });

  it('goes at its new rate', async () => {
    const { run, clock } = bucketRun();
    const startNs = clock.nowNs();
    await clock.after(1000);
    run.useLimiter(tokenBucket({ rate: 6400 * PAGE, burst: 16 * PAGE }));
    await run.result;
    expect((clock.nowNs() - startNs) / SECOND_NS).toBeLessThan(1.2);
  });

  it('of another kind begins anew', async () => {
    const { run, clock } = bucketRun();
    const startNs = clock.nowNs();
    const other = { ...tokenBucket({ rate: 64 * PAGE, burst: 16 * PAGE }), name: 'other' };
    await clock.after(10);
    run.useLimiter(other);
    await run.result;
    expect((clock.nowNs() - startNs) / SECOND_NS).toBeLessThan((256 - 32) / 64 + 0.1);
  });

  it('that cannot take the state over leaves everything as it was', async () => {
    const { run, clock } = bucketRun();
    await clock.after(500);
    expect(() => run.useLimiter({ ...tokenBucket({ rate: 1e9 }), adopt: whatIsThis })).toThrow(SnapshotError);
    const startNs = clock.nowNs();
    await run.result;
    expect((clock.nowNs() - startNs) / SECOND_NS).toBeGreaterThan(3);
  });

  it('is told, also when nothing else has changed', async () => {
    const { run, clock } = bucketRun();
    void clock.after(500).then(() => run.useLimiter(tokenBucket({ rate: 65 * PAGE, burst: 16 * PAGE })));
    let told = 0;
    for await (const event of run)
      if (event.type === 'limiter' && event.grant.reason === 'waiting for tokens') told += 1;
    expect(told).toBe(2);
  });
});

/** Makes the decisions of a run again. */
function replay(steps: readonly LimiterStep[], limiters: readonly Limiter[]): unknown[] {
  const rest = [...limiters];
  let limiter: Limiter = none();
  let state: unknown;
  return steps.map(({ began, observation }) => {
    if (began !== undefined) {
      limiter = rest.shift()!;
      state = began.by === 'initial' ? limiter.initial(began.atNs) : limiter.adopt!(state, began.atNs);
    }
    const step = limiter.step(state, observation);
    state = step.state;
    return step.grant;
  });
}

describe('the steps of a limiter', () => {
  it('tell every decision, and enough to make it again', async () => {
    const steps: LimiterStep[] = [];
    const { run, clock } = bucketRun((step) => steps.push(step));
    const first = tokenBucket({ rate: 64 * PAGE, burst: 16 * PAGE });
    const second = tokenBucket({ rate: 32 * PAGE, burst: 8 * PAGE });
    await clock.after(500);
    run.useLimiter(second);
    await clock.after(500);
    run.useLimiter(none());
    const { limiter } = await run.result;
    expect(steps.length).toBe(limiter.steps);
    expect(steps.flatMap(({ began }) => (began === undefined ? [] : [began.by]))).toEqual([
      'initial',
      'adopt',
      'initial',
    ]);
    expect(replay(steps, [first, second, none()])).toEqual(steps.map(({ grant }) => grant));
  });
});

describe('a held sweep', () => {
  it.for([
    ['with a store', ROOMY],
    ['inline', INLINE],
  ] as const)(
    'stands still, faults are served and sent, and it goes on when it is let go: %s',
    async ([, capture]) => {
      const steps: LimiterStep[] = [];
      const { run, guest, clock, sink } = bucketRun((step) => steps.push(step), capture);
      await clock.after(200);
      run.holdSweep(true);
      await clock.after(50);
      const { capturedPages } = run.progress();
      await guest.write(0, 255, new Uint8Array([1]));
      await clock.after(5000);
      expect(run.progress()).toMatchObject({
        capturedPages: capturedPages + 1,
        takenPages: capturedPages + 1,
        faultPages: 1,
      });
      expect(run.progress().limiter).toMatchObject({ isHeld: true, reason: 'paused', name: 'token-bucket' });
      expect(steps.at(-1)).toMatchObject({ isHeld: true });
      run.holdSweep(false);
      expect(run.progress().limiter.isHeld).toBe(false);
      const { limiter } = await run.result;
      expect(limiter.heldMs).toBeGreaterThan(5000);
      expect(memoryDifference((await restored(sink.image())).memory, guest.memoryAtCut)).toBe('');
    },
  );

  it('may be held before it begins, and keeps what is exchanged meanwhile', async () => {
    const { guest, clock } = smallGuest();
    const run = takeSnapshot(snapshotOptions(guest, nullSink(), { clock }));
    run.holdSweep(true);
    await clock.after(300);
    expect(run.progress()).toMatchObject({ phase: 'stream', takenPages: 0 });
    run.useLimiter({ ...none(), name: 'other' });
    await clock.after(300);
    expect(run.progress().takenPages).toBe(0);
    run.holdSweep(false);
    expect((await run.result).limiter.name).toBe('other');
  });

  it('is told as events', async () => {
    const { run, clock } = bucketRun();
    void clock.after(500).then(() => run.holdSweep(true));
    void clock.after(900).then(() => run.holdSweep(false));
    const reasons: (string | undefined)[] = [];
    for await (const event of run) if (event.type === 'limiter') reasons.push(event.grant.reason);
    expect(reasons.filter((reason) => reason === 'paused').length).toBe(1);
    expect(reasons.at(-1)).not.toBe('paused');
  });

  it('ends with the run, and may be let go after it', async () => {
    const { guest, clock } = smallGuest();
    const abort = new AbortController();
    const reached = new Barrier();
    const sink = new TestSink();
    sink.onWrite = (index) => (index === 1 ? reached.lift() : undefined);
    const run = takeSnapshot(snapshotOptions(guest, sink, { clock, signal: abort.signal }));
    run.holdSweep(true);
    await reached.lifted;
    abort.abort();
    await expect(run.result).rejects.toMatchObject({ code: 'aborted' });
    run.holdSweep(false);
    run.holdSweep(true);
  });
});
