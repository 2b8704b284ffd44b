import { FEATURE_KERNEL, type Feature } from './abi.ts';

/** How memory can be captured, best first. */
export type TierName = 'sync-wp' | 'sync-wp-user' | 'async-wp' | 'stop-and-copy';

export interface Tier {
  readonly name: TierName;
  readonly title: string;
  readonly available: boolean;
  /** Why it is not available, or what is limited about it; null when there is nothing to say. */
  readonly reason: string | null;
  /** What would make it available or lift the limit; null when nothing needs to or can. */
  readonly remedy: string | null;
}

/** Something that was tried. */
export type Outcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly reason: string; readonly remedy: string };

/** What decides about the tiers. */
export interface TierFacts {
  /** Opening one that handles kernel faults, by the system call or else the device. */
  readonly full: Outcome;
  readonly userModeOnly: Outcome;
  readonly features: readonly Feature[];
  /** Registering, arming and disarming a page of anonymous memory. */
  readonly armTrial: Outcome;
  readonly pagemapScan: Outcome;
  /** Whether PAGEMAP_SCAN reported everything that was discarded. */
  readonly scanComplete: boolean;
}

const TITLES: Readonly<Record<TierName, string>> = {
  'sync-wp': 'synchronous write protection, kernel faults included',
  'sync-wp-user': 'synchronous write protection of memory that only user-mode code writes',
  'async-wp': 'asynchronous write tracking, unprivileged',
  'stop-and-copy': 'stop the writers and copy',
};

/** All tiers, best first, each with its verdict. The last is always available. */
export function tiersOf(facts: TierFacts): Tier[] {
  return [
    tier('sync-wp', [facts.full, feature(facts, 'PAGEFAULT_FLAG_WP'), facts.armTrial]),
    tier('sync-wp-user', [facts.userModeOnly, feature(facts, 'PAGEFAULT_FLAG_WP'), facts.armTrial]),
    asyncTier(facts),
    tier('stop-and-copy', []),
  ];
}

function asyncTier(facts: TierFacts): Tier {
  const opened = facts.userModeOnly.ok ? facts.userModeOnly : facts.full;
  const verdict = tier('async-wp', [opened, feature(facts, 'WP_ASYNC'), facts.pagemapScan]);
  if (!verdict.available || facts.scanComplete) return verdict;
  return {
    ...verdict,
    reason: 'PAGEMAP_SCAN passes over discarded ranges on this kernel: what it leaves out counts as written',
    remedy: 'Use a kernel with the PAGEMAP_SCAN fixes of July 2026',
  };
}

/** Available when all outcomes are good; otherwise the first bad one says why. */
function tier(name: TierName, outcomes: readonly Outcome[]): Tier {
  const base = { name, title: TITLES[name] };
  for (const outcome of outcomes) {
    if (!outcome.ok) return { ...base, available: false, reason: outcome.reason, remedy: outcome.remedy };
  }
  return { ...base, available: true, reason: null, remedy: null };
}

function feature(facts: TierFacts, name: Feature): Outcome {
  if (facts.features.includes(name)) return { ok: true };
  return {
    ok: false,
    code: 'UFFD_FEATURE',
    reason: `the kernel lacks the userfaultfd feature ${name} on this machine`,
    remedy: `Linux ${FEATURE_KERNEL[name]} or newer (on arm64, write protection needs 6.10)`,
  };
}
