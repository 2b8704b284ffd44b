import type { Limiter, Observation, Step } from './limiter.ts';

/** How to begin: with a state that was logged, or as a driver that took over at `startNs`. */
export interface ReplayStart<State> {
  readonly state?: State;
  /** Absent: the time of the first observation. */
  readonly startNs?: number;
}

/** An entry of the trace, and what the limiter decides on it. */
export interface Replayed<State, Entry> {
  readonly entry: Entry;
  readonly step: Step<State>;
}

/**
 * A limiter's decisions on observations that were logged, one for each, in their order: those of the run itself if it was this limiter
 * with the same start, since a policy is pure; what another would have answered to the same world otherwise. Entries are handed through.
 */
export function* replay<State, Entry extends { readonly observation: Observation }>(
  limiter: Limiter<State>,
  trace: Iterable<Entry>,
  start: ReplayStart<State> = {},
): Generator<Replayed<State, Entry>> {
  let current: { readonly state: State } | undefined =
    'state' in start && start.state !== undefined ? { state: start.state } : undefined;
  for (const entry of trace) {
    current ??= { state: limiter.initial(start.startNs ?? entry.observation.nowNs) };
    const step = limiter.step(current.state, entry.observation);
    current = step;
    yield { entry, step };
  }
}
