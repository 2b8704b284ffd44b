import { probe } from '@stillframe/uffd';
import type { TestContext } from 'vitest';

const { bestTier, tiers } = probe();

/** Skips where the kernel cannot do what all pictures are made with. In CI that is a failure, like every skip. */
export function needUserfaultfd(context: TestContext): void {
  if (bestTier !== 'sync-wp') context.skip(`no synchronous write protection: ${tiers[0]?.reason}`);
}
