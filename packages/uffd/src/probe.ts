import { release } from 'node:os';
import { type Feature, type Ioctl } from './abi.ts';
import { UffdError } from './errors.ts';
import { Mapping } from './mapping.ts';
import {
  type HugePagePool,
  type Privileges,
  readHugePagePools,
  readPrivileges,
} from './probe-permissions.ts';
import { type ScanSelfTest, scanSelfTest } from './probe-pagemap.ts';
import { pageSize } from './range.ts';
import { type Outcome, type Tier, type TierName, tiersOf } from './tiers.ts';
import { type Handshake, type OpenOptions, Userfaultfd } from './userfaultfd.ts';

/** Which faults can be watched on a kind of memory. */
export interface MemorySupport {
  readonly missing: boolean;
  readonly wp: boolean;
  readonly minor: boolean;
}

/** What this machine and this process can do. Plain data: survives JSON. */
export interface Probe {
  readonly kernel: string;
  readonly architecture: string;
  readonly pageSize: number;
  /** Opening a userfaultfd, each way that there is. */
  readonly open: {
    readonly syscall: Outcome;
    readonly device: Outcome;
    readonly userModeOnly: Outcome;
  };
  readonly privileges: Privileges;
  /** Empty when no userfaultfd could be opened. */
  readonly features: readonly Feature[];
  /** Feature bits that this package has no name for, as hexadecimal. */
  readonly unnamedFeatures: string;
  readonly ioctls: readonly Ioctl[];
  readonly memory: {
    readonly anonymous: MemorySupport;
    readonly shmem: MemorySupport;
    readonly hugetlb: MemorySupport;
  };
  readonly hugePagePools: readonly HugePagePool[];
  readonly pagemapScan: {
    readonly outcome: Outcome;
    /** null when it could not be run. */
    readonly selfTest: ScanSelfTest | null;
  };
  /** Best first. */
  readonly tiers: readonly Tier[];
  /** The first one that is available. */
  readonly bestTier: TierName;
}

/** Looks at what can be done here, by doing it on memory of its own. Never throws, needs no privilege, takes a few milliseconds. */
export function probe(): Probe {
  const syscall = tryOpen({ via: 'syscall' });
  const device = tryOpen({ via: 'device' });
  const userModeOnly = tryOpen({ userModeOnly: true });
  const full = syscall.outcome.ok ? syscall : device.outcome.ok ? device : syscall;
  const { features, unnamedFeatures, ioctls } = full.handshake ?? userModeOnly.handshake ?? NOTHING;
  const scan = tryScan(features);
  const tiers = tiersOf({
    full: full.outcome,
    userModeOnly: userModeOnly.outcome,
    features,
    armTrial: tryArm(features),
    pagemapScan: scan.outcome,
    scanComplete: scan.selfTest !== null && Object.values(scan.selfTest).every(Boolean),
  });
  return {
    kernel: release(),
    architecture: process.arch,
    pageSize,
    open: { syscall: syscall.outcome, device: device.outcome, userModeOnly: userModeOnly.outcome },
    privileges: readPrivileges(),
    features,
    unnamedFeatures: `0x${unnamedFeatures.toString(16)}`,
    ioctls,
    memory: memorySupport(features),
    hugePagePools: readHugePagePools(),
    pagemapScan: scan,
    tiers,
    bestTier: tiers.find((tier) => tier.available)?.name ?? 'stop-and-copy',
  };
}

const NOTHING: Handshake = { features: [], unnamedFeatures: 0n, ioctls: [] };

function tryOpen(options: OpenOptions): { outcome: Outcome; handshake: Handshake | null } {
  let handshake: Handshake | null = null;
  const outcome = attempt(() => {
    using opened = Userfaultfd.create(options);
    handshake = opened.handshake();
  });
  return { outcome, handshake };
}

/** Arms and disarms a page that nobody writes. */
function tryArm(features: readonly Feature[]): Outcome {
  return attempt(() => {
    if (!features.includes('PAGEFAULT_FLAG_WP')) return;
    using opened = Userfaultfd.open({ userModeOnly: true, features: ['PAGEFAULT_FLAG_WP'] });
    using mapping = new Mapping({ sizeBytes: pageSize });
    new Uint8Array(mapping.buffer).fill(1);
    opened.register(mapping, ['WP']);
    opened.writeProtect(mapping);
    opened.writeUnprotect(mapping);
    opened.unregister(mapping);
  });
}

function tryScan(features: readonly Feature[]): Probe['pagemapScan'] {
  let selfTest: ScanSelfTest | null = null;
  const outcome = attempt(() => {
    if (!features.includes('WP_ASYNC'))
      throw new Error('it needs the userfaultfd feature WP_ASYNC (Linux 6.7)');
    using tracker = Userfaultfd.open({ userModeOnly: true, features: ['WP_ASYNC', 'WP_UNPOPULATED'] });
    selfTest = scanSelfTest(tracker);
  });
  return { outcome, selfTest };
}

function attempt(action: () => void): Outcome {
  try {
    action();
    return { ok: true };
  } catch (error) {
    if (error instanceof UffdError) {
      const { code, syscall, hint } = error;
      return { ok: false, code, reason: `${syscall}: ${code.slice('UFFD_'.length)}`, remedy: hint };
    }
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, code: 'UFFD_UNAVAILABLE', reason, remedy: '' };
  }
}

function memorySupport(features: readonly Feature[]): Probe['memory'] {
  const has = (name: Feature): boolean => features.includes(name);
  return {
    anonymous: { missing: features.length > 0, wp: has('PAGEFAULT_FLAG_WP'), minor: false },
    shmem: { missing: has('MISSING_SHMEM'), wp: has('WP_HUGETLBFS_SHMEM'), minor: has('MINOR_SHMEM') },
    hugetlb: {
      missing: has('MISSING_HUGETLBFS'),
      wp: has('WP_HUGETLBFS_SHMEM'),
      minor: has('MINOR_HUGETLBFS'),
    },
  };
}
