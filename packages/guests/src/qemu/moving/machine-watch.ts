import { type ChildProcess, spawn } from 'node:child_process';
import type { Userfaultfd } from '@stillframe/uffd';

/** Ends QEMU ($1) when its input ends without the word that all is well. */
const WATCH = 'read -r word; [ "$word" = done ] || kill -9 "$1"';

/**
 * Keeps a machine with missing memory from reading zeros there, should we be killed.
 *
 * The userfaultfd is ours; were it closed with us, what is missing would read as zeros, and the machine would write them to its disks. So a
 * shell holds it, too: who touches missing memory sleeps on, until that shell has noticed our end and has ended QEMU.
 */
export class MachineWatch {
  /** Resolves when nobody watches any more. */
  readonly ended: Promise<void>;
  readonly #shell: ChildProcess;

  /** In a process group of its own: an interrupt at the terminal is not for it. `uffd` stays the caller's. */
  constructor(pid: number, uffd: Userfaultfd) {
    this.#shell = spawn('/bin/sh', ['-c', WATCH, 'sh', String(pid)], {
      stdio: ['pipe', 'ignore', 'ignore', uffd.fd],
      detached: true,
    });
    this.#shell.on('error', () => undefined);
    this.#shell.stdin!.on('error', () => undefined);
    this.ended = new Promise((resolve) => this.#shell.once('close', () => resolve()));
    this.#shell.unref();
  }

  /** Nothing is missing any more, or QEMU has ended. Idempotent. */
  end(): void {
    this.#shell.stdin!.end('done\n');
  }

  /** @internal As if this process had been killed. */
  lose(): void {
    this.#shell.stdin!.destroy();
  }
}
