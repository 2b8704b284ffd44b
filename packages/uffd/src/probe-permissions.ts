import { readFileSync, readdirSync } from 'node:fs';

/** Who may do what, as /proc tells. Each value is null where it cannot be read. */
export interface Privileges {
  readonly effectiveUserId: number | null;
  /** The effective set, as hexadecimal. */
  readonly capabilities: string | null;
  readonly sysPtrace: boolean | null;
  readonly seccomp: 'off' | 'strict' | 'filter' | null;
  /** vm.unprivileged_userfaultfd: 1 lets everybody handle kernel faults. */
  readonly unprivilegedUserfaultfd: 0 | 1 | null;
}

export interface HugePagePool {
  readonly pageSize: number;
  readonly totalPages: number;
  readonly freePages: number;
}

const CAP_SYS_PTRACE = 19n;
const SECCOMP_MODES = ['off', 'strict', 'filter'] as const;

export function readPrivileges(): Privileges {
  const status = readText('/proc/thread-self/status');
  const field = (name: string): string | null =>
    new RegExp(`^${name}:\\s*(\\S+)`, 'm').exec(status ?? '')?.[1] ?? null;
  const capabilities = field('CapEff');
  const seccomp = field('Seccomp');
  const sysctl = readText('/proc/sys/vm/unprivileged_userfaultfd')?.trim();
  return {
    effectiveUserId: process.geteuid?.() ?? null,
    capabilities,
    sysPtrace: capabilities === null ? null : ((BigInt(`0x${capabilities}`) >> CAP_SYS_PTRACE) & 1n) === 1n,
    seccomp: seccomp === null ? null : (SECCOMP_MODES[Number(seccomp)] ?? null),
    unprivilegedUserfaultfd: sysctl === '0' ? 0 : sysctl === '1' ? 1 : null,
  };
}

const HUGE_PAGES = '/sys/kernel/mm/hugepages';

/** The pools of reserved huge pages, smallest pages first; empty without hugetlb support. */
export function readHugePagePools(): HugePagePool[] {
  return entries(HUGE_PAGES)
    .flatMap((name) => {
      const kib = /^hugepages-(\d+)kB$/.exec(name)?.[1];
      if (kib === undefined) return [];
      const count = (file: string): number => Number(readText(`${HUGE_PAGES}/${name}/${file}`) ?? 0);
      return [
        {
          pageSize: Number(kib) * 1024,
          totalPages: count('nr_hugepages'),
          freePages: count('free_hugepages'),
        },
      ];
    })
    .toSorted((a, b) => a.pageSize - b.pageSize);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
