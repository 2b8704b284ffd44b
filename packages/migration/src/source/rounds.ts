/* oxlint-disable no-await-in-loop -- a round follows a round */
import type { RegionEntry } from '@stillframe/page-stream';
import type { Clock } from '@stillframe/snapshot';
import { attempt, MigrationError } from '../error.ts';
import type { DirtyRun, Tracker } from '../guest.ts';
import type { ConvergenceDecision, ConvergencePolicy, RoundNumbers } from '../policy/convergence.ts';
import { bandwidthOf, dirtyRateOf, expectedDowntimeMs } from './estimates.ts';
import { bytesIn, pagesIn } from './page-batches.ts';
import { HotPages } from './hot-pages.ts';
import { RoundLook } from './round-look.ts';

const NS_PER_MS = 1_000_000;

export interface RoundsOptions {
  readonly tracker: Tracker;
  readonly policy: ConvergencePolicy;
  readonly clock: Clock;
  readonly regions: readonly RegionEntry[];
  readonly pageSizes: readonly number[];
  readonly memoryBytes: number;
  /** Every page of every region. */
  readonly everything: readonly DirtyRun[];
  /** Sends the pages of one round, and marks its end; resolves when they are taken, with what was left out because `isOver`. */
  readonly send: (
    round: number,
    runs: readonly DirtyRun[],
    isOver: () => boolean,
  ) => Promise<readonly DirtyRun[]>;
  /** Pages handed to connections so far. */
  readonly sentPages: () => number;
  /** Bytes sent so far. */
  readonly sentBytes: () => number;
  readonly onRound: (round: RoundNumbers, decision: ConvergenceDecision) => void;
  /** Before another round. */
  readonly beforeNext: (rounds: readonly RoundNumbers[], bandwidthBytesPerSecond: number) => Promise<void>;
}

/** Why there are no more rounds, and what was written before the last one and not sent: held back, or because it was cut short. */
export interface RoundsEnd {
  readonly action: 'stop' | 'switch';
  readonly reason: string;
  readonly unsent: readonly DirtyRun[];
}

/**
 * Sends everything, then what was written meanwhile, until the policy has had enough. The guest runs.
 *
 * What was collected is sent before the next is collected, or held back: at the end, what is to be sent is in the tracker, or in `unsent`.
 */
export async function runRounds(options: RoundsOptions): Promise<RoundsEnd> {
  const { tracker, policy, clock, memoryBytes } = options;
  const startNs = clock.nowNs();
  const rounds: RoundNumbers[] = [];
  const hot = new HotPages(options.regions);
  let runs = options.everything;
  for (;;) {
    const { round, unsent, decision: early } = await oneRound(options, { startNs, rounds, hot }, runs);
    rounds.push(round);
    const bandwidthBytesPerSecond = bandwidthOf(rounds);
    const seen = {
      rounds,
      elapsedMs: (clock.nowNs() - startNs) / NS_PER_MS,
      memoryBytes,
      bandwidthBytesPerSecond,
      dirtyBytesPerSecond: dirtyRateOf(round),
      expectedDowntimeMs: expectedDowntimeMs(round.dirtyBytes, bandwidthBytesPerSecond),
    };
    const decision = early ?? decide(policy, seen);
    options.onRound(round, decision);
    if (decision.action === 'stop' || decision.action === 'switch')
      return { action: decision.action, reason: decision.reason, unsent: [...hot.held, ...unsent] };
    if (decision.action === 'give-up') {
      throw new MigrationError('not-converged', `the guest writes too fast: ${decision.reason}`, {
        operands: { rounds: rounds.length, dirtyBytes: round.dirtyBytes },
      });
    }
    await options.beforeNext(rounds, bandwidthBytesPerSecond);
    const written = await attempt('guest-failed', 'collect dirty pages', () => tracker.collect());
    runs = decision.holdsHot === true ? hot.sift(written) : hot.release(written);
  }
}

async function oneRound(
  options: RoundsOptions,
  before: { readonly startNs: number; readonly rounds: readonly RoundNumbers[]; readonly hot: HotPages },
  runs: readonly DirtyRun[],
): Promise<{ round: RoundNumbers; unsent: readonly DirtyRun[]; decision: ConvergenceDecision | undefined }> {
  const { clock, sentBytes, sentPages, tracker, policy, memoryBytes, pageSizes } = options;
  const startNs = clock.nowNs();
  const [bytesBefore, pagesBefore] = [sentBytes(), sentPages()];
  const pageBytes = averagePage(options);
  const number = before.rounds.length + 1;
  const look = new RoundLook({
    ...before,
    policy,
    tracker,
    clock,
    memoryBytes,
    pageBytes,
    roundBytes: bytesIn(runs, pageSizes),
    sentBytes: () => sentPages() * pageBytes,
    roundSentBytes: () => (sentPages() - pagesBefore) * pageBytes,
  });
  const unsent = await options.send(number, runs, () => look.isOver());
  const durationMs = (clock.nowNs() - startNs) / NS_PER_MS;
  const dirtyPages = await attempt('guest-failed', 'count dirty pages', () => tracker.count());
  const round = {
    round: number,
    pages: pagesIn(runs) - pagesIn(unsent),
    bytes: sentBytes() - bytesBefore,
    durationMs,
    dirtyBytes: (dirtyPages + before.hot.expectedCoolPages) * pageBytes,
  };
  return { round, unsent, decision: unsent.length === 0 ? undefined : look.decision };
}

/** `count` does not say in which region they are. */
function averagePage({ everything, pageSizes }: RoundsOptions): number {
  const pages = pagesIn(everything);
  return pages === 0 ? 0 : bytesIn(everything, pageSizes) / pages;
}

function decide(
  policy: ConvergencePolicy,
  seen: Parameters<ConvergencePolicy['decide']>[0],
): ConvergenceDecision {
  try {
    return policy.decide(seen);
  } catch (cause) {
    throw new MigrationError('policy-failed', `the policy ${policy.name} failed`, { cause });
  }
}
