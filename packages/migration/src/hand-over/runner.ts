/** A state, and what is to be done about it. */
interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

export interface RunnerOptions<State, Event, Effect> {
  readonly start: State;
  readonly step: (state: State, event: Event) => Step<State, Effect>;
  /** Does one effect; what it returns is the next event. Failures are events, so it never rejects. */
  readonly perform: (effect: Effect, state: State) => Promise<Event | undefined>;
  /** Called for each new state, before its effects are done. */
  readonly onState?: (state: State) => void;
}

/**
 * Drives a machine: events change the state at once, effects are done one after the other, in the order in which they came up.
 */
export class MachineRunner<State extends { readonly name: string }, Event, Effect> {
  readonly #options: RunnerOptions<State, Event, Effect>;
  #state: State;
  #working: Promise<void> = Promise.resolve();
  readonly #waiting = new Set<() => void>();

  constructor(options: RunnerOptions<State, Event, Effect>) {
    this.#options = options;
    this.#state = options.start;
  }

  get state(): State {
    return this.#state;
  }

  dispatch(event: Event): void {
    const { state, effects } = this.#options.step(this.#state, event);
    const isNew = state !== this.#state;
    this.#state = state;
    if (isNew) this.#options.onState?.(state);
    if (effects.length > 0) this.#working = this.#perform(this.#working, effects, state);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Resolves when the state has one of these names and all effects so far are done. */
  async reach(names: readonly State['name'][]): Promise<State> {
    for (;;) {
      const working = this.#working;
      // oxlint-disable-next-line no-await-in-loop -- effects bring effects
      await working;
      if (working === this.#working && names.includes(this.#state.name)) return this.#state;
      if (working !== this.#working) continue;
      // oxlint-disable-next-line no-await-in-loop -- until the state is reached
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async #perform(before: Promise<void>, effects: readonly Effect[], state: State): Promise<void> {
    await before;
    for (const effect of effects) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      const event = await this.#options.perform(effect, state);
      if (event !== undefined) this.dispatch(event);
    }
  }
}
