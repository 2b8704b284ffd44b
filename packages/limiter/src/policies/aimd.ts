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
/** Longer than the longest interval. */
const MAX_AGE_NS = 61e9;

/**
 * What the sink has shown fades in about this time, but only while the limiter is not what limits: otherwise a rate that was cut would be taken
 * for all that the sink can do, and cut again. A sink that stalls for a second is not forgotten.
 */
const SINK_MEMORY_NS = 10e9;

/** @throws {LimiterConfigError} */
export function aimd(input: AimdOptions = {}): Limiter<AimdState> {
  return build(validateOptions(aimdPolicy, input));
}

/** Begins at `maxRate`, so that a quiet guest is never held back, and so that it learns what the sink can take before it has to give. */
function build(terms: Terms): Limiter<AimdState> {
  const maxRate = Math.max(terms.minRate, terms.maxRate);
  return {
    name: 'aimd',
    initial: (nowNs) => ({ ...openPaced(nowNs, maxRate), sinceCutNs: MAX_AGE_NS, sinkRate: 0 }),
    adopt: (before) => ({ ...before, rate: Math.min(maxRate, Math.max(terms.minRate, before.rate)) }),
    step(before, observation) {
      let after: Decision = before;
      const { bucket, rate, lastNs } = pace(before, observation, (sense) => {
        const decision = decide(before, observation, sense, { ...terms, maxRate });
        after = decision;
        return decision.rate;
      });
      const state = { bucket, rate, lastNs, sinceCutNs: after.sinceCutNs, sinkRate: after.sinkRate };
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
  const sinceCutNs = Math.min(before.sinceCutNs + gapNs, MAX_AGE_NS);
  const drain = Math.min(toWhole(sink.drainBytesPerSecond), maxRate);
  const known = isLimiting ? before.sinkRate : before.sinkRate * (1 - gapNs / SINK_MEMORY_NS);
  const sinkRate = Math.max(known, drain);
  const isLate = faults > 0 && toWhole(faultWait.p99Ns) > targetMs * 1e6;
  const within = (wanted: number): number => Math.min(maxRate, Math.max(minRate, sinkRate * keep, wanted));
  if (isLate && sinceCutNs >= intervalMs * 1e6) {
    // From what really goes out: a rate that nothing reaches could be halved many times without an effect.
    const real = sinkRate > 0 ? Math.min(rate, sinkRate) : rate;
    return { rate: within(real * decrease), sinceCutNs: 0, sinkRate };
  }
  const raised = isLate || !isLimiting ? rate : rate + (increase * gapNs) / 1e9;
  return { rate: within(raised), sinceCutNs, sinkRate };
}

function reasonFor({ rate, sinceCutNs }: AimdState, maxRate: number): string {
  if (rate >= maxRate) return 'waits are short';
  return sinceCutNs === 0 ? 'waits are long' : 'recovering';
}
