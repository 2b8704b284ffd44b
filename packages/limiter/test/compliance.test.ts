import { describe, expect, it } from 'vitest';
import { ComplianceError, type CompliancePromises, limiterCompliance } from '../src/compliance.ts';
import {
  type Grant,
  type Limiter,
  none,
  type Observation,
  tokenBucket,
  type TokenBucketState,
} from '../src/index.ts';

/** `none` with another grant. */
function granting(change: (grant: Grant, observation: Observation) => Partial<Grant>): () => Limiter {
  return () => ({
    ...none(),
    step: (_state, observation) => {
      const { grant } = none().step(null, observation);
      return { state: null, grant: { ...grant, ...change(grant, observation) } };
    },
  });
}

/** `none` with a state of its own. */
function remembering<State>(first: State, next: (state: State, seen: Observation) => State): () => Limiter {
  const limiter: Limiter<State> = {
    name: 'remembering',
    initial: () => first,
    step: (state, observation) => ({
      state: next(state, observation),
      grant: none().step(null, observation).grant,
    }),
  };
  return () => limiter;
}

// A burst of a second, so that a grant too many is more than the time until the next step pays for.
const RATE = 2 ** 21;
const bucket = tokenBucket({ rate: RATE, burst: RATE });
const BOUND = { bytesPerSecond: RATE, burstBytes: RATE, exact: true };

/** A token bucket that sees something other than what is there, or grants something other than it should. */
function crookedBucket(
  see: (observation: Observation) => Observation,
  change: (grant: Grant) => Partial<Grant> = () => ({}),
): () => Limiter {
  const limiter: Limiter<TokenBucketState> = {
    ...bucket,
    step: (before, observation) => {
      const { state, grant } = bucket.step(before, see(observation));
      return { state, grant: { ...grant, ...change(grant) } };
    },
  };
  return () => limiter;
}

interface SloppyState {
  readonly bytes: number;
  readonly lastNs: number;
  readonly held: number;
}

/** A bucket that takes the clock as it comes, and may keep whole bytes only. */
function sloppyBucket(wholeBytes: boolean): () => Limiter {
  const limiter: Limiter<SloppyState> = {
    name: 'sloppy',
    initial: (nowNs) => ({ bytes: RATE, lastNs: nowNs, held: 0 }),
    step: ({ bytes, lastNs, held }, { nowNs, sweptPages, sweptPagesHeld = 0, pageSize, pagesLeft }) => {
      const gained = (Math.max(0, nowNs - lastNs) * RATE) / 1e9;
      const filled = Math.min(RATE, bytes + (wholeBytes ? Math.floor(gained) : gained));
      const level = filled - (sweptPages + sweptPagesHeld - held) * pageSize;
      const pages = Math.min(pagesLeft, Math.max(1, Math.floor(level / pageSize)));
      const waitNs = Math.max(0, Math.ceil(((pages * pageSize - level) * 1e9) / RATE));
      const grant = { pages, notBeforeNs: nowNs + waitNs, wakeOnFault: false };
      return { state: { bytes: level, lastNs: nowNs, held: sweptPagesHeld }, grant };
    },
  };
  return () => limiter;
}

let calls = 0;

const BROKEN: readonly [fault: string, check: string, make: () => Limiter][] = [
  ['never grants', 'never starves', granting(() => ({ pages: 0 }))],
  [
    'stops for good at the first fault',
    'never starves',
    () => ({
      name: 'timid',
      initial: () => false,
      step: (state, { nowNs, faults, pagesLeft }) => {
        const scared = state === true || faults > 0;
        const pages = scared ? 0 : Math.min(64, pagesLeft);
        return { state: scared, grant: { pages, notBeforeNs: nowNs, wakeOnFault: false } };
      },
    }),
  ],
  ['grants half a page', 'never starves', granting(() => ({ pages: 0.5 }))],
  ['grants more than is left', 'never starves', granting(({ pages }) => ({ pages: pages + 1 }))],
  [
    'waits again at every step',
    'finishes in inline mode',
    granting((_grant, { nowNs }) => ({ notBeforeNs: nowNs + 1 })),
  ],
  [
    'prolongs a wait when asked again',
    'is allowed no less by waiting',
    granting((_grant, { nowNs }) => ({ notBeforeNs: nowNs + 1e6 })),
  ],
  [
    'grants less the later it is',
    'is allowed no less by waiting',
    granting(({ pages }, { nowNs }) => ({ pages: Math.min(pages, nowNs > 1.005e12 ? 1 : 2) })),
  ],
  [
    'grants one page more each time',
    'changes nothing in an interval of length zero',
    () => ({
      name: 'counting',
      initial: () => 1,
      step: (state, { nowNs, pagesLeft }) => {
        const pages = Math.min(Number(state), pagesLeft);
        return { state: Number(state) + 1, grant: { pages, notBeforeNs: nowNs, wakeOnFault: false } };
      },
    }),
  ],
  [
    'waits for a time that a clock may never reach again',
    'survives odd clocks',
    () => ({
      name: 'stubborn',
      initial: (nowNs) => nowNs,
      step: (state, { pagesLeft, nowNs }) => {
        const notBeforeNs = Math.max(Number(state), nowNs);
        return { state: notBeforeNs, grant: { pages: pagesLeft, notBeforeNs, wakeOnFault: false } };
      },
    }),
  ],
  [
    'divides by the drain rate',
    'survives extreme observations',
    granting((_grant, { nowNs, sink }) => ({ notBeforeNs: nowNs + 1 / sink.drainBytesPerSecond })),
  ],
  [
    'averages into its state',
    'survives extreme observations',
    remembering({ meanNs: 0 }, ({ meanNs }, { faultWait }) => ({ meanNs: (meanNs + faultWait.p50Ns) / 2 })),
  ],
  [
    'keeps an extreme for ever',
    'survives extreme observations',
    () => ({
      name: 'offended',
      initial: () => false,
      step: (state, { bytesLeft, pagesLeft, nowNs }) => {
        const offended = state === true || bytesLeft < 0;
        const pages = offended || !(pagesLeft > 0) ? 0 : 1;
        const notBeforeNs = Number.isFinite(nowNs) ? nowNs : 0;
        return { state: offended, grant: { pages, notBeforeNs, wakeOnFault: false } };
      },
    }),
  ],
  [
    'gives up after thirty surprises',
    'survives hostile observations in a row',
    () => ({
      name: 'worn out',
      initial: () => 0,
      step: (state, { pagesLeft, nowNs }) => {
        const surprises = Number(state) + (Number.isFinite(nowNs) ? 0 : 1);
        const pages = surprises < 30 && pagesLeft >= 1 ? 1 : 0;
        const notBeforeNs = Number.isFinite(nowNs) ? nowNs : 0;
        return { state: surprises, grant: { pages, notBeforeNs, wakeOnFault: false } };
      },
    }),
  ],
  [
    'relies on what a driver may leave out',
    'never starves',
    granting(({ pages }, { sweptPagesHeld }) => ({ pages: sweptPagesHeld === undefined ? 0 : pages })),
  ],
  [
    'wastes most of its grants',
    'loses nothing over a million small grants',
    () => ({
      name: 'wasteful',
      initial: () => 0,
      step: (state, { nowNs, pagesLeft }) => {
        const pages = Number(state) % 4 === 0 ? Math.min(1, pagesLeft) : 0;
        return { state: (Number(state) + 1) % 4, grant: { pages, notBeforeNs: nowNs, wakeOnFault: false } };
      },
    }),
  ],
  [
    'counts in a variable of its own',
    'is pure',
    granting((_grant, { nowNs }) => ({ notBeforeNs: nowNs - calls++ })),
  ],
  [
    'changes its state in place',
    'is pure',
    remembering({ steps: 0 }, (state) => {
      state.steps += 1;
      return state;
    }),
  ],
  [
    'keeps its promise only for the state it made',
    'has a state that survives JSON',
    () => {
      const made = { waited: true };
      return {
        name: 'attached',
        initial: () => made,
        step: (state, { nowNs, pagesLeft }) => ({
          state: made,
          grant: {
            pages: Math.min(state === made ? 2 : 1, pagesLeft),
            notBeforeNs: nowNs,
            wakeOnFault: false,
          },
        }),
      };
    },
  ],
  [
    'forgets its debts when it is re-tuned',
    'keeps what is due when it is re-tuned to the same',
    () => ({ ...bucket, adopt: (_state, nowNs) => bucket.initial(nowNs) }),
  ],
  ['has a state that is a class', 'never starves', remembering(new Map(), (state) => state)],
  ['has no state to log', 'never starves', remembering(undefined, (state) => state)],
  [
    'remembers everything',
    'has a state of bounded size',
    remembering<number[]>([], (state, { nowNs }) => [...state, nowNs]),
  ],
  ['has no bound', 'keeps its bound in every window', none],
  [
    'forgets the pages that are held',
    'keeps its bound in every window',
    crookedBucket((observation) => ({ ...observation, sweptPagesHeld: 0 })),
  ],
  [
    'does not wait for its tokens',
    'keeps its bound in every window',
    crookedBucket(
      (observation) => observation,
      () => ({ notBeforeNs: 0 }),
    ),
  ],
  ['gives time twice when the clock slips', 'keeps its bound in every window', sloppyBucket(false)],
  ['drops fractions of a byte', 'gives all of its rate', sloppyBucket(true)],
  ['is given too much', 'gives all of its rate', none],
];

describe('the suite catches a limiter that', () => {
  it.each(BROKEN)('%s: %s', (_fault, name, make) => {
    const check = limiterCompliance(make, { bound: BOUND }).find((candidate) => candidate.name === name);
    expect(check).toBeDefined();
    expect(() => check?.run()).toThrow(name === 'is pure' ? Error : ComplianceError);
  });

  it('breaks any one promise: each check has such a limiter', () => {
    const caught = new Set(BROKEN.map(([, check]) => check));
    expect(namesOf({ bound: BOUND }).filter((name) => !caught.has(name))).toEqual([]);
  });
});

const namesOf = (promises?: CompliancePromises): string[] =>
  limiterCompliance(none, promises).map(({ name }) => name);

it('asks for a bound only of limiters that promise one', () => {
  expect(namesOf()).not.toContain('keeps its bound in every window');
  expect(namesOf({ bound: { bytesPerSecond: 1, burstBytes: 1 } })).not.toContain('gives all of its rate');
});
