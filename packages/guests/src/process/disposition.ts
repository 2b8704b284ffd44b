import { mayWrite } from './address-space.ts';
import { type FilterName, filterMask, filterNameOf, FILTER_NAMES } from './dump-filter.ts';
import { type Mapping, VM_FLAGS, isShared } from './mapping.ts';
import { PERM_READ } from './maps-line.ts';

/**
 * What becomes of a mapping.
 *
 * - `arm`: the pages that exist are regions of the capture engine.
 * - `copy`: all of it is copied while the process stands still.
 * - `copy-parts`: of a private file mapping, the pages that were written to and the ELF header, as the filter says.
 * - `none`: an entry in the table of mappings.
 */
export type Disposition = 'arm' | 'copy' | 'copy-parts' | 'none';

export interface DispositionOptions {
  readonly filter: readonly FilterName[];
  readonly includeDontDump: boolean;
}

export type Dispose = (mapping: Mapping, aliases: ReadonlySet<Mapping>) => Disposition;

/** The rules of the kernel's own dump (core(5)), and of what userfaultfd can arm (T8). */
export function dispositions({ filter, includeDontDump }: DispositionOptions): Dispose {
  const mask = filterMask(filter);
  const includes = (name: FilterName): boolean => (mask & (1 << FILTER_NAMES.indexOf(name))) !== 0;
  return (mapping, aliases) => {
    const { kind, flags } = mapping;
    if (kind === 'vdso') return 'copy';
    const name = filterNameOf(mapping);
    if (name === undefined) return 'none';
    if ((flags & VM_FLAGS.dd) !== 0 && !includeDontDump) return 'none';
    if (kind === 'private-file') {
      if (includes('private-file')) return 'copy';
      return includes('anonymous') || includes('elf-headers') ? 'copy-parts' : 'none';
    }
    if (!includes(name)) return 'none';
    if (kind === 'shared-file' || !mayWrite(mapping) || aliases.has(mapping)) return 'copy';
    return 'arm';
  };
}

/**
 * Shared mappings that the process has more than once, of the same pages, at least one of them writable: a write through one is not seen
 * by the protection of the other (T10).
 */
export function findAliases(mappings: readonly Mapping[]): Set<Mapping> {
  const byFile = new Map<string, Mapping[]>();
  for (const mapping of mappings) {
    if (!isShared(mapping) || mapping.inode === 0n) continue;
    const file = `${mapping.devMajor}:${mapping.devMinor}:${mapping.inode}`;
    const others = byFile.get(file);
    if (others === undefined) byFile.set(file, [mapping]);
    else others.push(mapping);
  }
  const aliases = new Set<Mapping>();
  for (const group of byFile.values()) if (group.length > 1) addOverlapping(group, aliases);
  return aliases;
}

/** In order of offset, whatever begins before the furthest end so far overlaps what reaches it. */
function addOverlapping(group: readonly Mapping[], aliases: Set<Mapping>): void {
  if (!group.some(mayWrite)) return;
  const sorted = group.toSorted((one, other) => (one.offset < other.offset ? -1 : 1));
  let furthest = sorted[0]!;
  for (const mapping of sorted.slice(1)) {
    if (mapping.offset < fileEnd(furthest)) aliases.add(furthest).add(mapping);
    if (fileEnd(mapping) > fileEnd(furthest)) furthest = mapping;
  }
}

function fileEnd({ offset, start, end }: Mapping): bigint {
  return offset + (end - start);
}

/** Where the header of an ELF file can be: the kernel looks at the same. */
export function mayHaveElfHeader({ kind, offset, perms }: Mapping): boolean {
  return kind === 'private-file' && offset === 0n && (perms & PERM_READ) !== 0;
}
