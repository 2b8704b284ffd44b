import { setImmediate as nextTurn } from 'node:timers/promises';
import { WorkloadError } from './error.ts';
import { DEFAULT_VERIFY_TIMEOUT_MS, type VerifyOptions } from './workload.ts';

/** Keeps a long verification interruptible and bounded in time. */
export class VerifyBudget {
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal | undefined;
  readonly #timeoutMs: number;
  /** Kept: a combined signal alone does not hold its sources, and one that is collected never fires. */
  readonly #timeout: AbortSignal;

  constructor(options: VerifyOptions = {}) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_VERIFY_TIMEOUT_MS;
    this.#caller = options.signal;
    this.#timeout = AbortSignal.timeout(this.#timeoutMs);
    this.signal = options.signal ? AbortSignal.any([options.signal, this.#timeout]) : this.#timeout;
  }

  /** Lets timers and signals run; throws the caller's reason, or WORKLOAD_ORACLE_TIMEOUT. */
  async breathe(): Promise<void> {
    await nextTurn();
    this.check();
  }

  check(): void {
    this.#caller?.throwIfAborted();
    if (this.signal.aborted) {
      throw new WorkloadError('WORKLOAD_ORACLE_TIMEOUT', `not verified within ${this.#timeoutMs} ms`);
    }
  }
}
