/* oxlint-disable no-await-in-loop -- a round follows a round */
import type { Clock } from '@stillframe/snapshot';
import { attempt, MigrationError } from '../error.ts';
import type { DirtyRun, Tracker } from '../guest.ts';
import type { ConvergenceDecision, ConvergencePolicy, RoundNumbers } from '../policy/convergence.ts';
import { bandwidthOf, dirtyRateOf, expectedDowntimeMs } from './estimates.ts';
import { bytesIn, pagesIn } from './page-batches.ts';

const NS_PER_MS = 1_000_000;

export interface RoundsOptions {
  readonly tracker: Tracker;
  readonly policy: ConvergencePolicy;
  readonly clock: Clock;
  readonly pageSizes: readonly number[];
  readonly memoryBytes: number;
  /** Every page of every region. */
  readonly everything: readonly DirtyRun[];
  /** Sends the pages of one round, and marks its end; resolves when they are taken. */
  readonly send: (round: number, runs: readonly DirtyRun[]) => Promise<void>;
  /** Bytes sent so far. */
  readonly sentBytes: () => number;
  readonly onRound: (round: RoundNumbers, decision: ConvergenceDecision) => void;
}

/**
 * Sends everything, then what was written meanwhile, until the policy has had enough. The guest runs.
 *
 * What was collected is always sent before the next is collected: at the end, what is dirty is in the tracker and nowhere else.
 */
export async function runRounds(
  options: RoundsOptions,
): Promise<ConvergenceDecision & { action: 'stop' | 'switch' }> {
  const { tracker, policy, clock, memoryBytes } = options;
  const startNs = clock.nowNs();
  const rounds: RoundNumbers[] = [];
  let runs = options.everything;
  for (;;) {
    const round = await oneRound(options, rounds.length + 1, runs);
    rounds.push(round);
    const bandwidthBytesPerSecond = bandwidthOf(rounds);
    const decision = decide(policy, {
      rounds,
      elapsedMs: (clock.nowNs() - startNs) / NS_PER_MS,
      memoryBytes,
      bandwidthBytesPerSecond,
      dirtyBytesPerSecond: dirtyRateOf(round),
      expectedDowntimeMs: expectedDowntimeMs(round.dirtyBytes, bandwidthBytesPerSecond),
    });
    options.onRound(round, decision);
    if (decision.action === 'stop' || decision.action === 'switch')
      return { ...decision, action: decision.action };
    if (decision.action === 'give-up') {
      throw new MigrationError('not-converged', `the guest writes too fast: ${decision.reason}`, {
        operands: { rounds: rounds.length, dirtyBytes: round.dirtyBytes },
      });
    }
    runs = await attempt('guest-failed', 'collect dirty pages', () => tracker.collect());
  }
}

async function oneRound(
  options: RoundsOptions,
  round: number,
  runs: readonly DirtyRun[],
): Promise<RoundNumbers> {
  const { clock, sentBytes, tracker } = options;
  const startNs = clock.nowNs();
  const before = sentBytes();
  await options.send(round, runs);
  const durationMs = (clock.nowNs() - startNs) / NS_PER_MS;
  const dirtyPages = await attempt('guest-failed', 'count dirty pages', () => tracker.count());
  return {
    round,
    pages: pagesIn(runs),
    bytes: sentBytes() - before,
    durationMs,
    dirtyBytes: dirtyPages * averagePage(options),
  };
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
