import { argumentError, closedError } from '../errors.ts';
import { closeAtExit } from '../exit.ts';
import { toFd, toInteger } from '../range.ts';
import { COMMAND } from './protocol.ts';
import { stoppedProcess, type StoppedProcess } from './stopped-process.ts';
import { TraceError } from './trace-error.ts';
import { TracerProcess } from './tracer-process.ts';

export interface ProcessTracerOptions {
  /** Bound on bringing all threads to rest, from 1 to 60000 milliseconds. Default 500. */
  readonly stopTimeoutMs?: number;
  /** The process is let go when it has been stopped for so long without a call of ours, from 1 to 600000 milliseconds. Default 10000. */
  readonly stoppedMaxMs?: number;
}

const STOP_TIMEOUT_DEFAULT_MS = 500;
const STOP_TIMEOUT_MAX_MS = 60_000;
const STOPPED_DEFAULT_MS = 10_000;
const STOPPED_SERVER_DEFAULT_MS = 1000;
const STOPPED_MAX_MS = 600_000;
const PID_MAX = 0x7fff_ffff;
/** An answer takes as long as the tracer's own bounds, and what a busy machine adds. */
const ANSWER_SLACK_MS = 5000;
/** Making a userfaultfd waits for the process in several places. */
const WAITS_OF_AN_INJECTION = 3;

/**
 * Stops and resumes another process, and makes a userfaultfd in it.
 *
 * Another executable does the tracing, so the process is let go whatever happens to us, SIGKILL included, with registers, signals and
 * interrupted system calls as they were. Two things can be told from inside: a few system calls that fail with EINTR after any stop, such
 * as epoll_wait on arm64 (on x86_64 they are made to restart, with their whole time-out), and a read or write that had moved a part
 * and returns that part.
 *
 * @throws TraceError from every method that says so; the process runs on then, except after a failed `makeUserfaultfd`, which leaves it
 * stopped.
 */
export class ProcessTracer {
  readonly pid: number;
  readonly #process: TracerProcess;
  readonly #stopTimeoutMs: number;
  #stopped = false;

  private constructor(process: TracerProcess, stopTimeoutMs: number) {
    this.pid = process.pid;
    this.#process = process;
    this.#stopTimeoutMs = stopTimeoutMs;
    closeAtExit(this);
  }

  /**
   * Starts a tracer. Nothing is stopped or attached yet; from now on the number `pid` cannot come to mean another process.
   * @throws TraceError `no-such-process`, `unsupported-arch`, `tracer-lost`
   */
  static start(pid: number, options: ProcessTracerOptions = {}): ProcessTracer {
    toInteger(pid, 'pid', 1, PID_MAX);
    if (pid === process.pid) throw argumentError(RangeError, 'a process cannot trace itself');
    const { stopTimeoutMs = STOP_TIMEOUT_DEFAULT_MS, stoppedMaxMs = STOPPED_DEFAULT_MS } = options;
    toInteger(stopTimeoutMs, 'stopTimeoutMs', 1, STOP_TIMEOUT_MAX_MS);
    toInteger(stoppedMaxMs, 'stoppedMaxMs', 1, STOPPED_MAX_MS);
    return new ProcessTracer(TracerProcess.spawn(pid, { stopTimeoutMs, stoppedMaxMs }), stopTimeoutMs);
  }

  /** Whether the process is stopped, as far as we know: it may have been let go after `stoppedMaxMs`. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Stops all threads.
   * @param options.registers Whether to read every thread's state. Default true.
   * @throws TraceError `not-permitted`, `already-traced`, `exited`, `not-stopping`, `thirty-two-bit`, `tracer-lost`, `system`. The tracer is
   * closed then: start another to try again.
   * @throws TypeError when it is stopped already.
   */
  stop(options: { registers?: boolean } = {}): StoppedProcess {
    this.#open();
    if (this.#stopped) throw argumentError(TypeError, `process ${this.pid} is stopped already`);
    try {
      const timeoutMs = this.#stopTimeoutMs + ANSWER_SLACK_MS;
      const { reply, fd } = this.#process.request(
        COMMAND.stop,
        options.registers === false ? 0 : 1,
        timeoutMs,
      );
      this.#stopped = true;
      return stoppedProcess(reply, fd);
    } catch (error) {
      this.#process.close();
      throw error;
    }
  }

  /**
   * Makes a userfaultfd for the memory of the process, which is stopped. Whatever that needs in the process is gone afterwards.
   * @returns The descriptor, close-on-exec and non-blocking, the caller's to close: `Userfaultfd.adopt` takes it. No handshake has been
   * done; faults of the kernel are reported too.
   * @throws TraceError `seccomp`, `no-free-fd`, `no-memory`, `userfaultfd-unavailable`, `injection-failed`, `exited`, `not-stopping`,
   * `stopped-too-long`, `tracer-lost`, `system`
   * @throws TypeError when it is not stopped.
   */
  makeUserfaultfd(): number {
    this.#open();
    if (!this.#stopped) throw argumentError(TypeError, `process ${this.pid} is not stopped`);
    const timeoutMs = WAITS_OF_AN_INJECTION * this.#stopTimeoutMs + ANSWER_SLACK_MS;
    const { fd } = this.#process.request(COMMAND.makeUserfaultfd, 0, timeoutMs);
    if (fd === null) throw new TraceError('tracer-lost', this.pid);
    return fd;
  }

  /**
   * Lets every thread go. Nothing to do when it is not stopped.
   * @throws TraceError `stopped-too-long`, `tracer-lost` when it had been let go before: what was done since the stop was done to a running
   * process.
   */
  resume(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#process.request(COMMAND.resume, 0, this.#stopTimeoutMs + ANSWER_SLACK_MS);
  }

  /**
   * Lends the tracer a duplicate of a userfaultfd of the process. Should this process be stopped (Ctrl-Z, SIGSTOP, a debugger) for longer
   * than `stoppedServerMs` and so answer no faults, the tracer unregisters all memory of the process, whose writers go on; a capture of it
   * fails when we go on. Replaces the one before.
   *
   * The memory stays registered until the duplicate is gone too: `unguard` before closing the userfaultfd.
   *
   * @param stoppedServerMs From 1 to 600000. Default 1000.
   * @throws TraceError `tracer-lost`
   */
  guard(uffd: number, stoppedServerMs = STOPPED_SERVER_DEFAULT_MS): void {
    this.#open();
    toFd(uffd, 'uffd');
    toInteger(stoppedServerMs, 'stoppedServerMs', 1, STOPPED_MAX_MS);
    this.#process.request(COMMAND.guard, stoppedServerMs, ANSWER_SLACK_MS, Int32Array.of(uffd));
  }

  /** Ends `guard`. Nothing to do when the tracer is closed. @throws TraceError `tracer-lost` */
  unguard(): void {
    if (!this.#process.closed) this.#process.request(COMMAND.unguard, 0, ANSWER_SLACK_MS);
  }

  /** Lets the process go and ends the tracer. Idempotent; also done by garbage collection, at exit, and when this process is killed. */
  close(): void {
    this.#stopped = false;
    this.#process.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): void {
    if (this.#process.closed) throw closedError('the tracer');
  }
}
