/* oxlint-disable no-await-in-loop -- woken for any change */

import { EventEmitter, once } from 'node:events';
import { MAX_LANES } from '@stillframe/page-stream';
import type { MigrationLink } from '../link/migration-link.ts';

/** Further connections with pages: the guest is whole only when each of them has said END. */
export class LanesWithPages {
  readonly #open = new Set<MigrationLink>();
  readonly #ended = new Set<MigrationLink>();
  readonly #events = new EventEmitter();

  /** One too many is dropped. */
  open(link: MigrationLink): void {
    if (this.#open.size < MAX_LANES) this.#open.add(link);
    else void link.destroy();
  }

  end(link: MigrationLink): void {
    this.#ended.add(link);
    this.#events.emit('end');
  }

  hasEnded(link: MigrationLink): boolean {
    return this.#ended.has(link);
  }

  /** Resolves when `count` have ended; rejects when `signal` aborts. */
  async allEnded(count: number, signal: AbortSignal): Promise<void> {
    while (this.#ended.size < count) await once(this.#events, 'end', { signal });
  }

  async close(): Promise<void> {
    await Promise.all(
      [...this.#open].map(async (link) => {
        await link.close();
        await link.destroy();
      }),
    );
  }
}
