import { closeSync, openSync, readFileSync } from 'node:fs';
import native from '#native';
import { checked, ERRNO } from './errors.ts';
import { pageSize as basePageSize } from './range.ts';

/** A mapping of this process, as far as arming it goes. */
export interface MappingEntry {
  readonly start: bigint;
  readonly end: bigint;
  readonly pageSize: number;
  readonly isShared: boolean;
  readonly isHugetlb: boolean;
  readonly isPrivateAnonymous: boolean;
}

/** What this process has mapped, asked of the kernel when it is wanted. To be closed. */
export class OwnMappings {
  readonly #mapsFd = openSync('/proc/self/maps', 'r');
  readonly #words = new BigUint64Array(5);
  /** On kernels before 6.11. */
  #fromSmaps: readonly MappingEntry[] | undefined;

  /** The mappings that overlap [start, end), in order. */
  under(start: bigint, end: bigint): readonly MappingEntry[] {
    const entries = this.#fromSmaps ?? this.#query(start, end) ?? (this.#fromSmaps = readSmaps());
    return entries.filter((entry) => entry.start < end && start < entry.end);
  }

  /** Undefined when this kernel cannot be asked. */
  #query(start: bigint, end: bigint): MappingEntry[] | undefined {
    const entries: MappingEntry[] = [];
    for (let at = start; at < end; at = entries.at(-1)!.end) {
      const result = native.procmapQuery(this.#mapsFd, at, this.#words);
      if (result === -ERRNO.ENOTTY) return undefined;
      if (result === -ERRNO.ENOENT) break;
      checked(result, 'ioctl(PROCMAP_QUERY)', { address: at });
      entries.push(toEntry(this.#words));
    }
    return entries;
  }

  [Symbol.dispose](): void {
    closeSync(this.#mapsFd);
  }
}

function toEntry([
  start = 0n,
  end = 0n,
  pageBytes = 0n,
  inode = 0n,
  shared = 0n,
]: BigUint64Array): MappingEntry {
  const pageSize = Number(pageBytes);
  const isShared = shared === 1n;
  const isHugetlb = pageSize > basePageSize;
  return {
    start,
    end,
    pageSize,
    isShared,
    isHugetlb,
    isPrivateAnonymous: !isShared && !isHugetlb && inode === 0n,
  };
}

/** proc_pid_smaps(5): a head line as in maps (start-end perms offset dev inode path), then fields of the mapping. */
const HEAD_LINE = /^([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ (\d+)/;
const PAGE_SIZE_LINE = /^KernelPageSize: +(\d+) kB/m;
/** `ht`: hugetlb. */
const FLAGS_LINE = /^VmFlags: (.*)$/m;

/** Walks every page of the process: 75 ms for a GiB. */
export function readSmaps(): MappingEntry[] {
  const entries: MappingEntry[] = [];
  for (const text of readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[0-9a-f]+-)/)) {
    const [, start, end, permissions, inode] = HEAD_LINE.exec(text) ?? [];
    if (start === undefined || end === undefined || permissions === undefined) continue;
    const isShared = permissions[3] === 's';
    const isHugetlb = / ht\b/.test(` ${FLAGS_LINE.exec(text)?.[1] ?? ''}`);
    entries.push({
      start: BigInt(`0x${start}`),
      end: BigInt(`0x${end}`),
      pageSize: Number(PAGE_SIZE_LINE.exec(text)?.[1] ?? basePageSize / 1024) * 1024,
      isShared,
      isHugetlb,
      isPrivateAnonymous: !isShared && !isHugetlb && inode === '0',
    });
  }
  return entries;
}
