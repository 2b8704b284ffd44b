import {
  CaptureEngine,
  closeFd,
  type Feature,
  ProcessTracer,
  type StoppedProcess,
  TraceError,
  Userfaultfd,
} from '@stillframe/uffd';

export interface AttachmentOptions {
  /** See `ProcessTracerOptions` of @stillframe/uffd. Default 500. */
  readonly stopTimeoutMs?: number;
  /** See `ProcessTracerOptions` of @stillframe/uffd. Default 10000. */
  readonly stoppedMaxMs?: number;
}

/**
 * The hold on a process: it can be stopped, let go, and given a userfaultfd.
 *
 * A tracer that failed to stop it has closed itself; the next stop takes another.
 */
export class Attachment {
  readonly pid: number;
  readonly #options: AttachmentOptions;
  #tracer: ProcessTracer | undefined;
  #preparingMs = 0;

  /** @throws TraceError `no-such-process`, `unsupported-arch`, `tracer-lost`. From now on the number stays that of one process. */
  constructor(pid: number, options: AttachmentOptions) {
    this.pid = pid;
    this.#options = options;
    this.#start();
  }

  /** How long the process stood still in `whileStopped`. */
  get preparingMs(): number {
    return this.#preparingMs;
  }

  /** @throws TraceError; the process runs on then. */
  stop(options: { readonly registers: boolean }): StoppedProcess {
    const tracer = this.#tracer ?? this.#start();
    try {
      return tracer.stop(options);
    } catch (error) {
      this.#tracer = undefined;
      throw error;
    }
  }

  /** @throws TraceError `stopped-too-long` when it had been let go before; it runs in any case. */
  resume(): void {
    this.#tracer?.resume();
  }

  /** Stops the process for something that is not a cut. */
  whileStopped<T>(work: () => T): T {
    const startMs = performance.now();
    this.stop({ registers: false });
    try {
      return work();
    } finally {
      this.resume();
      this.#preparingMs += performance.now() - startMs;
    }
  }

  /** Of the process, which is stopped; by default ready for the capture engine. The caller's to close. @throws TraceError, UffdError. */
  makeUserfaultfd(features: readonly Feature[] = CaptureEngine.foreignFeatures): Userfaultfd {
    const uffd = adopt((this.#tracer ?? this.#start()).makeUserfaultfd());
    try {
      uffd.handshake(features);
      return uffd;
    } catch (error) {
      uffd.close();
      throw error;
    }
  }

  /** Should we be stopped for long, the process goes on. Until `unguard`, which comes before the userfaultfd is closed. */
  guard(uffd: Userfaultfd): void {
    (this.#tracer ?? this.#start()).guard(uffd.fd);
  }

  /** A tracer that is lost holds nothing any more. */
  unguard(): void {
    try {
      this.#tracer?.unguard();
    } catch (error) {
      if (!(error instanceof TraceError)) throw error;
    }
  }

  /** Lets the process go. Idempotent. */
  close(): void {
    this.#tracer?.close();
  }

  #start(): ProcessTracer {
    const { stopTimeoutMs, stoppedMaxMs } = this.#options;
    this.#tracer = ProcessTracer.start(this.pid, {
      ...(stopTimeoutMs === undefined ? {} : { stopTimeoutMs }),
      ...(stoppedMaxMs === undefined ? {} : { stoppedMaxMs }),
    });
    return this.#tracer;
  }
}

function adopt(fd: number): Userfaultfd {
  try {
    return Userfaultfd.adopt(fd);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}
