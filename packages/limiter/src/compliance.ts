import { type Bound, checkBound } from './compliance/bound.ts';
import { checkExtremes, checkHostileRuns } from './compliance/extremes.ts';
import { checkExactRate, checkSmallGrants } from './compliance/fractions.ts';
import { checkInlineFinishes, checkNeverStarves } from './compliance/progress.ts';
import { checkAdopts, checkBoundedState, checkJsonRoundTrip, checkPure } from './compliance/purity.ts';
import { checkMonotone, checkOddClocks, checkZeroIntervals } from './compliance/time.ts';
import type { Limiter } from './limiter.ts';

export type { Bound } from './compliance/bound.ts';
export {
  type BufferedOptions,
  type BufferedRun,
  driveBuffered,
  type Sweep,
} from './compliance/buffered-driver.ts';
export { ComplianceError } from './compliance/failure.ts';
export {
  driveInline,
  type InlineDecision,
  type InlineScript,
  type OnInlineStep,
} from './compliance/inline-driver.ts';
export { quietObservation } from './compliance/observation.ts';
export { SCENARIOS, type Scenario, type SinkScript } from './compliance/scenarios.ts';

/** One property that every limiter must have. `run` returns, or throws a `ComplianceError` that says what broke it. */
export interface ComplianceCheck {
  readonly name: string;
  readonly run: () => void;
}

/** What a limiter promises beyond what all of them do. */
export interface CompliancePromises {
  readonly bound?: Bound;
}

/**
 * The properties of `Limiter`, for any test runner: `for (const { name, run } of limiterCompliance(make)) test(name, run)`.
 * Whatever `make` returns must be a new limiter with the same options. The whole list takes a few seconds; a bound is
 * only put to the test by a burst well below 16 MiB, which is what the simulated captures hold.
 */
export function limiterCompliance(
  make: () => Limiter,
  { bound }: CompliancePromises = {},
): readonly ComplianceCheck[] {
  const checks: ComplianceCheck[] = [
    { name: 'never starves', run: () => checkNeverStarves(make) },
    { name: 'finishes in inline mode', run: () => checkInlineFinishes(make) },
    { name: 'is allowed no less by waiting', run: () => checkMonotone(make) },
    { name: 'changes nothing in an interval of length zero', run: () => checkZeroIntervals(make) },
    { name: 'survives odd clocks', run: () => checkOddClocks(make) },
    { name: 'survives extreme observations', run: () => checkExtremes(make) },
    { name: 'survives hostile observations in a row', run: () => checkHostileRuns(make) },
    { name: 'loses nothing over a million small grants', run: () => checkSmallGrants(make) },
    { name: 'is pure', run: () => checkPure(make) },
    { name: 'keeps what is due when it is re-tuned to the same', run: () => checkAdopts(make) },
    { name: 'has a state that survives JSON', run: () => checkJsonRoundTrip(make) },
    { name: 'has a state of bounded size', run: () => checkBoundedState(make) },
  ];
  if (bound !== undefined) {
    checks.push({ name: 'keeps its bound in every window', run: () => checkBound(make, bound) });
    if (bound.exact === true) {
      checks.push({ name: 'gives all of its rate', run: () => checkExactRate(make, bound) });
    }
  }
  return checks;
}
