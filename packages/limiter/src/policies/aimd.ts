import * as v from 'valibot';
import type { Limiter, Observation } from '../limiter.ts';
import { definePolicy } from '../policy.ts';
import { validateOptions } from '../validate.ts';
import { toWhole } from '../whole.ts';
import { aimdOptions } from './aimd-options.ts';
import { openPaced, pace, type Paced, pacedGrant, type Sense } from './paced.ts';

/** The pace, the time since the rate was last cut, and what the sink has been seen to take when nothing held the sweep back. */
export interface AimdState extends Paced {
  readonly sinceCutNs: number;
  readonly sinkRate: number;
}

/** Options of `aimd`, as a caller writes them. */
export type AimdOptions = v.InferInput<typeof aimdOptions>;

type Terms = v.InferOutput<typeof aimdOptions>;

export const aimdPolicy = definePolicy({
  name: 'aimd',
  summary:
    'additive increase, multiplicative decrease: slows down at once when faults wait too long, and recovers steadily',
  options: aimdOptions,
  create: build,
});

/** Time that has passed counts up to this much: after a gap one sample says little. */
const MAX_GAP_NS = 1e9;

/**
 * @throws {LimiterConfigError}
 */
export function aimd(input: AimdOptions = {}): Limiter<AimdState> {
  return build(validateOptions(aimdPolicy, input));
}

/** Begins at `maxRate`, so that a quiet guest is never held back, and so that it learns what the sink can take before it has to give. */
function build(terms: Terms): Limiter<AimdState> {
  const maxRate = Math.max(terms.minRate, terms.maxRate);
  return {
    name: 'aimd',
    initial: (nowNs) => ({ ...openPaced(nowNs, maxRate), sinceCutNs: MAX_GAP_NS * 60, sinkRate: 0 }),
    step(before, observation) {
      let after = { sinceCutNs: before.sinceCutNs, sinkRate: before.sinkRate };
      const paced = pace(before, observation, (sense) => {
        const { rate, ...rest } = decide(before, observation, sense, { ...terms, maxRate });
        after = rest;
        return rate;
      });
      const state = { ...paced, ...after };
      return { state, grant: pacedGrant(state, observation, reasonFor(state, maxRate)) };
    },
  };
}

type Decision = Pick<AimdState, 'rate' | 'sinceCutNs' | 'sinkRate'>;

function decide(
  { rate, ...before }: AimdState,
  { faults, faultWait, sink }: Observation,
  { elapsedNs, isLimiting }: Sense,
  { targetMs, intervalMs, increase, decrease, minRate, maxRate, keep }: Terms,
): Decision {
  const gapNs = Math.min(elapsedNs, MAX_GAP_NS);
  const sinceCutNs = Math.min(before.sinceCutNs + gapNs, MAX_GAP_NS * 60);
  const drain = Math.min(toWhole(sink.drainBytesPerSecond), maxRate);
  const sinkRate = isLimiting ? Math.max(before.sinkRate, drain) : drain;
  const isLate = faults > 0 && toWhole(faultWait.p99Ns) > targetMs * 1e6;
  if (isLate && sinceCutNs >= intervalMs * 1e6) {
    // From what really goes out: a rate that nothing reaches could be halved many times without an effect.
    const real = drain > 0 ? Math.min(rate, drain) : rate;
    const least = Math.min(maxRate, Math.max(minRate, sinkRate * keep));
    return { rate: Math.max(least, real * decrease), sinceCutNs: 0, sinkRate };
  }
  const raised = isLate || !isLimiting ? rate : rate + (increase * gapNs) / 1e9;
  return { rate: Math.min(maxRate, raised), sinceCutNs, sinkRate };
}

function reasonFor({ rate, sinceCutNs }: AimdState, maxRate: number): string {
  if (rate >= maxRate) return 'waits are short';
  return sinceCutNs === 0 ? 'waits are long' : 'recovering';
}
