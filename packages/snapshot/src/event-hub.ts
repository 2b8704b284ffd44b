/** An event; those of a type that is called `latest` replace an older one of the same type that nobody has fetched yet. */
interface TypedEvent {
  readonly type: string;
}

/**
 * Hands events to any number of readers, each at its own pace, in bounded memory: milestones are all kept (a run has a handful), of
 * the other types a slow reader sees only the newest. A reader that comes late is given the milestones it missed.
 */
export class EventHub<Event extends TypedEvent> {
  readonly #latest: ReadonlySet<string>;
  readonly #milestones: Event[] = [];
  readonly #readers = new Set<Reader<Event>>();
  #outcome: Outcome | undefined;

  constructor(latest: readonly Event['type'][]) {
    this.#latest = new Set(latest);
  }

  /** False when making an event of a `latest` type would be in vain. */
  get hasReaders(): boolean {
    return this.#readers.size > 0;
  }

  emit(event: Event): void {
    const replaces = this.#latest.has(event.type);
    if (!replaces) this.#milestones.push(event);
    for (const reader of this.#readers) reader.take(event, replaces);
  }

  /** Nothing comes after this; readers end, or throw `failure`. */
  end(failure?: { readonly error: unknown }): void {
    this.#outcome = { failure };
    for (const reader of this.#readers) reader.end(this.#outcome);
    this.#readers.clear();
  }

  read(): AsyncIterableIterator<Event> {
    const reader = new Reader<Event>(this.#milestones, () => this.#readers.delete(reader));
    if (this.#outcome === undefined) this.#readers.add(reader);
    else reader.end(this.#outcome);
    return reader;
  }
}

interface Outcome {
  readonly failure: { readonly error: unknown } | undefined;
}

interface Waiting<Event> {
  readonly resolve: (result: IteratorResult<Event>) => void;
  readonly reject: (error: unknown) => void;
}

class Reader<Event extends TypedEvent> implements AsyncIterableIterator<Event> {
  readonly #queue: Event[];
  readonly #waiting: Waiting<Event>[] = [];
  readonly #onReturn: () => void;
  #outcome: Outcome | undefined;

  constructor(missed: readonly Event[], onReturn: () => void) {
    this.#queue = [...missed];
    this.#onReturn = onReturn;
  }

  take(event: Event, replaces: boolean): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) return waiting.resolve({ value: event, done: false });
    const at = replaces ? this.#queue.findIndex((queued) => queued.type === event.type) : -1;
    // To the end of the line, so that times never go backwards.
    if (at >= 0) this.#queue.splice(at, 1);
    this.#queue.push(event);
  }

  end(outcome: Outcome): void {
    this.#outcome = outcome;
    for (const waiting of this.#waiting.splice(0)) this.#finish(waiting);
  }

  next(): Promise<IteratorResult<Event>> {
    const event = this.#queue.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      if (this.#outcome === undefined) this.#waiting.push(waiting);
      else this.#finish(waiting);
    });
  }

  /** The reader stops looking; the run goes on. */
  return(): Promise<IteratorResult<Event>> {
    this.#onReturn();
    this.#queue.length = 0;
    this.end({ failure: undefined });
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The failure is thrown once; an iterator that has ended stays ended. */
  #finish({ resolve, reject }: Waiting<Event>): void {
    const failure = this.#outcome?.failure;
    this.#outcome = { failure: undefined };
    if (failure === undefined) resolve({ value: undefined, done: true });
    else reject(failure.error);
  }
}
