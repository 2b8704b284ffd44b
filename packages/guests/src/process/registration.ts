import { closeFd, pidfdGetfd, pidfdOpen, UffdError, Userfaultfd } from '@stillframe/uffd';
import type { AddressRange } from './ranges.ts';

/**
 * Keeps whole mappings registered with the userfaultfd of a capture, of which the engine arms only the pages that exist.
 *
 * Registering a part would split the mapping in two, and the owner can tell: its mremap of memory that lies in two mappings fails with
 * EFAULT. For the same reason the whole is unregistered before the engine unregisters its parts.
 *
 * Not handled: a mapping that cannot be registered, e.g. because it went away meanwhile. The engine meets that again, and says so.
 */
export class Registration {
  readonly #uffd: Userfaultfd;
  #ranges: readonly AddressRange[] = [];

  /** Works on a duplicate: `uffd` may be handed on. */
  constructor(uffd: Userfaultfd) {
    this.#uffd = duplicate(uffd);
  }

  /** What is registered already stays so, which costs a call each. */
  cover(ranges: readonly AddressRange[]): void {
    this.#ranges = [...this.#ranges, ...ranges];
    for (const { start, end } of ranges) {
      tryOnce(() => this.#uffd.register({ address: start, sizeBytes: end - start }, ['WP']));
    }
  }

  /** Disarms everything, and closes the duplicate. Idempotent. */
  unregister(): void {
    for (const { start, end } of this.#ranges) {
      tryOnce(() => this.#uffd.unregister({ address: start, sizeBytes: end - start }));
    }
    this.#ranges = [];
  }

  close(): void {
    this.#uffd.close();
  }
}

function tryOnce(run: () => void): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof UffdError)) throw error;
  }
}

function duplicate(uffd: Userfaultfd): Userfaultfd {
  const self = pidfdOpen(process.pid);
  try {
    return Userfaultfd.adopt(pidfdGetfd(self, uffd.fd));
  } finally {
    closeFd(self);
  }
}
