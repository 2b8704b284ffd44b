import { abortedError } from './error.ts';

/** A reason, because without one each abort makes an exception with its stack: 20 µs. */
const OVER = 'over';

/**
 * What ends every wait before its time: the caller's signal, or a failure that was found elsewhere.
 *
 * Not `Promise.race`: each race would leave a reaction on a promise that lives as long as the snapshot.
 */
export class Interruption {
  readonly #what: string;
  readonly #listeners = new Set<(error: unknown) => void>();
  readonly #controller = new AbortController();
  #error: { readonly error: unknown } | undefined;

  /** `what` is interrupted, for the message: `the snapshot`. */
  constructor(what: string) {
    this.#what = what;
  }

  /** Lets `signal` interrupt; returns how to stop listening to it. */
  follow(signal: AbortSignal): () => void {
    const onAbort = () => this.interrupt(abortedError(this.#what, signal.reason));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return () => signal.removeEventListener('abort', onAbort);
  }

  /** Fires on interruption. For waits that take their listeners away when they end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isInterrupted(): boolean {
    return this.#error !== undefined;
  }

  /** What has interrupted; undefined while nothing has. */
  get error(): unknown {
    return this.#error?.error;
  }

  /** Throws what has interrupted, if anything has. */
  check(): void {
    if (this.#error !== undefined) throw this.#error.error;
  }

  /** Only the first interruption counts. */
  interrupt(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = { error };
    this.#controller.abort(error);
    for (const listener of this.#listeners) listener(error);
    this.#listeners.clear();
  }

  /** Settles as `work`, or rejects as soon as something interrupts; `work` then goes on unobserved. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#error !== undefined) reject(this.#error.error);
      else this.#listeners.add(reject);
      const follow = async () => {
        try {
          resolve(await work);
        } catch (error) {
          reject(error);
        } finally {
          this.#listeners.delete(reject);
        }
      };
      void follow();
    });
  }

  /** A signal of its own for one wait that may have to end early; `end` ends it. */
  scope(): { readonly signal: AbortSignal; readonly end: () => void } {
    const controller = new AbortController();
    const fire = () => controller.abort(OVER);
    if (this.isInterrupted) fire();
    else this.#listeners.add(fire);
    return {
      signal: controller.signal,
      end: () => {
        this.#listeners.delete(fire);
        fire();
      },
    };
  }
}
