import { spawn } from 'node:child_process';
import native from '#native';
import tracer from '#tracer';
import { checked, ERRNO, UffdError } from '../errors.ts';
import { closeFd, pidfdOpen } from '../process.ts';
import { type ReceivedFds, receiveFds, socketPair } from '../fd-passing.ts';
import { type Command, decodeReply, encodeRequest, FAILURES, type Reply, REPLY_BYTES } from './protocol.ts';
import { TraceError } from './trace-error.ts';

const POLLIN = 1;
const NO_FDS = new Int32Array(0);

export interface TracerLimits {
  readonly stopTimeoutMs: number;
  readonly stoppedMaxMs: number;
}

export interface Answer {
  readonly reply: Reply;
  /** The caller's to close; null when none came. */
  readonly fd: number | null;
}

/**
 * The executable that traces one process, and the socket to it. It lets the process go when the socket is closed, by whatever: `close`,
 * garbage collection, or our end.
 *
 * Synchronous, because the process that is traced stands still meanwhile: no turn of the event loop is part of that.
 */
export class TracerProcess {
  readonly pid: number;
  readonly tracerPid: number;
  readonly #socket: { readonly fd: number; close(): number };

  private constructor(pid: number, tracerPid: number, socket: number) {
    this.pid = pid;
    this.tracerPid = tracerPid;
    this.#socket = new native.OwnedFd(socket);
  }

  static spawn(pid: number, limits: TracerLimits): TracerProcess {
    if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
      throw new TraceError('unsupported-arch', pid);
    }
    const pidfd = pinned(pid);
    const [ours, theirs] = socketPair('seqpacket');
    try {
      const args = [String(pid), String(limits.stopTimeoutMs), String(limits.stoppedMaxMs)];
      // A session of its own: Ctrl-C in our terminal is not meant for it.
      const stdio = ['ignore', 'ignore', 'ignore', theirs, pidfd] as const;
      const child = spawn(tracer, args, { stdio: [...stdio], detached: true, env: {}, cwd: '/' });
      // Comes a turn later; `pid` says it now.
      child.once('error', () => {});
      child.unref();
      if (child.pid === undefined) throw new TraceError('tracer-lost', pid);
      return new TracerProcess(pid, child.pid, ours);
    } catch (error) {
      closeFd(ours);
      throw error instanceof TraceError ? error : new TraceError('tracer-lost', pid, { cause: error });
    } finally {
      closeFd(theirs);
      closeFd(pidfd);
    }
  }

  get closed(): boolean {
    return this.#socket.fd < 0;
  }

  /** Asks, and waits for the answer. @throws TraceError what the tracer answers, or `tracer-lost`. */
  request(command: Command, argument: number, timeoutMs: number, fds = NO_FDS): Answer {
    this.send(command, argument, fds);
    const answer = this.receive(timeoutMs);
    const code = FAILURES[answer.reply.failure];
    if (code !== undefined) throw new TraceError(code, this.pid, { errno: answer.reply.errno });
    return answer;
  }

  send(command: Command, argument: number, fds = NO_FDS): void {
    // A tracer that has ended may have left word of why: `receive` finds it.
    const sent = native.sendFds(this.#socket.fd, fds, encodeRequest(command, argument), 0);
    if (sent !== -ERRNO.EPIPE && sent !== -ERRNO.ECONNRESET)
      checked(sent, 'sendmsg', { socket: this.#socket.fd });
  }

  /**
   * Waits for the next answer.
   * @throws TraceError `tracer-lost` when none came: then the process has been let go, or will be.
   * @throws UffdError UFFD_EMFILE when we had no room for its descriptor; likewise.
   */
  receive(timeoutMs: number): Answer {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const leftMs = Math.max(0, Math.ceil(deadline - performance.now()));
      const ready = native.poll(this.#socket.fd, POLLIN, leftMs);
      if (ready === -ERRNO.EINTR) continue;
      const received = checked(ready, 'poll') === 0 ? null : this.#received();
      const reply = received === null ? undefined : decodeReply(received.bytes);
      if (reply === undefined) {
        this.close();
        throw new TraceError('tracer-lost', this.pid);
      }
      if (received?.fdsLost === true) {
        this.close();
        throw new UffdError('recvmsg', ERRNO.EMFILE, { pid: this.pid });
      }
      return { reply, fd: received?.fds[0] ?? null };
    }
  }

  #received(): ReceivedFds | null {
    try {
      return receiveFds(this.#socket.fd, REPLY_BYTES);
    } catch (error) {
      // It was killed with our last word unread.
      if (error instanceof UffdError && error.errno === ERRNO.ECONNRESET) return null;
      throw error;
    }
  }

  /** The process is let go, and the tracer ends. Idempotent. */
  close(): void {
    this.#socket.close();
  }
}

/** So that its number cannot come to mean another process. */
function pinned(pid: number): number {
  try {
    return pidfdOpen(pid);
  } catch (error) {
    const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : 0;
    // EINVAL, since Linux 6.9 ENOENT: it is a thread.
    const none = [ERRNO.ESRCH, ERRNO.EINVAL, ERRNO.ENOENT].includes(errno);
    if (none) throw new TraceError('no-such-process', pid, { errno, cause: error });
    throw error;
  }
}
