import { type ChildProcess, spawn } from 'node:child_process';
import { Writable } from 'node:stream';

export interface BoundProgramOptions {
  readonly stdout: 'stdout' | 'stderr';
  /** Inherited as `FIRST_INHERITED_FD` and so on; the caller's. */
  readonly fds: readonly number[];
}

/** Of what a bound program inherits besides its standard streams. */
export const FIRST_INHERITED_FD = 4;
/** What a shell ends with instead of a program that is not there, or that it may not start. */
const NOT_STARTED: ReadonlySet<number | null> = new Set([126, 127]);

/**
 * Leaves a watch behind, and becomes the program: there is no moment when one of them is there without the other. The watch is no child of the
 * program, which would never ask for its end, and signals from the terminal are not for it.
 */
const BIND = `( (
  trap '' HUP INT QUIT TERM
  read -r word <&3
  [ "$word" = free ] || kill -9 $$
) </dev/null >/dev/null 2>&1 & )
exec 3<&-
exec "$@"`;

/**
 * A child that is ended (SIGKILL) when we end without having let it go: also when we are killed.
 *
 * Not handled: the watch itself is killed.
 */
export class BoundProgram {
  readonly child: ChildProcess;
  readonly #channel: Writable;

  /** It is known only from its end whether there is such a program (`wasNotThere`). */
  constructor([program = '', ...args]: readonly string[], { stdout, fds }: BoundProgramOptions) {
    this.child = spawn('/bin/sh', ['-c', BIND, 'sh', program, ...args], {
      stdio: ['inherit', stdout === 'stderr' ? 2 : 'inherit', 'inherit', 'pipe', ...fds],
    });
    const channel = this.child.stdio[FIRST_INHERITED_FD - 1];
    if (!(channel instanceof Writable)) throw new TypeError('a channel to a watch can be written to');
    this.#channel = channel;
    channel.on('error', () => undefined);
    // No process, not even a shell: `wasNotThere`.
    this.child.on('error', () => undefined);
    if ('unref' in channel && typeof channel.unref === 'function') channel.unref();
    // Its number may be somebody else's soon.
    this.child.once('exit', () => this.letGo());
  }

  /** The program has ended, and had not even begun. */
  get wasNotThere(): boolean {
    return this.child.pid === undefined || NOT_STARTED.has(this.child.exitCode);
  }

  /** From now on it goes on whatever becomes of us. Idempotent. */
  letGo(): void {
    if (!this.#channel.writableEnded) this.#channel.end('free\n');
  }

  /** @internal As if this process had been killed. */
  lose(): void {
    this.#channel.destroy();
  }
}
