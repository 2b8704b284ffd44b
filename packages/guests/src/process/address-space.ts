import { ProcessGuestError } from './error.ts';
import type { FileSystem } from './mapping-kind.ts';
import { kindOf } from './mapping-kind.ts';
import { type Mapping, VM_FLAGS } from './mapping.ts';
import { type MapsLine, parseMapsLine, PERM_WRITE } from './maps-line.ts';
import { parseSmaps, type SmapsEntry } from './smaps.ts';

/** The kernel's own limit is vm.max_map_count, 65,530 unless raised; distributions go up to this. */
export const MAPPINGS_MAX = 1_048_576;

export interface AddressSpaceOptions {
  readonly basePageSize: number;
  readonly hugePageSize: number;
  readonly fileSystemOf: (line: MapsLine) => FileSystem;
}

/**
 * The mappings of a process, as of the last `update`.
 *
 * A line that was seen before is the same mapping and is not parsed again: at the cut, of 10,000 lines only the few new ones cost more
 * than a lookup. What smaps knows of a new line is not asked for then, because reading smaps walks every page: it is taken from the
 * mapping that was there before (a heap that grew, a mapping that was split), or is `unknown`.
 */
export class AddressSpace {
  readonly #options: AddressSpaceOptions;
  #lines: readonly string[] = [];
  #mappings: readonly Mapping[] = [];

  constructor(options: AddressSpaceOptions) {
    this.#options = options;
  }

  /** In ascending order. */
  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /** With the text of /proc/PID/maps, and that of smaps unless the process stands still. */
  update(maps: string, smaps?: string): readonly Mapping[] {
    const lines = maps.split('\n');
    if (lines.at(-1) === '') lines.pop();
    if (lines.length > MAPPINGS_MAX) {
      throw new ProcessGuestError('PROCESS_TOO_LARGE', `more than ${MAPPINGS_MAX} mappings`);
    }
    const known = smaps === undefined ? undefined : parseSmaps(smaps);
    this.#mappings = known === undefined ? this.#updateSome(lines) : this.#updateAll(lines, known);
    this.#lines = lines;
    return this.#mappings;
  }

  /** A mapping stays the same object when nothing of it has changed. */
  #updateAll(lines: readonly string[], known: ReadonlyMap<string, SmapsEntry>): Mapping[] {
    const before = new Map(this.#lines.map((line, at) => [line, this.#mappings[at]!]));
    return lines.map((line) => {
      const mapping = this.#parse(line, known.get(line));
      const old = before.get(line);
      const isSame = old?.flags === mapping.flags && old.pageSize === mapping.pageSize;
      return isSame && old.kind === mapping.kind ? old : mapping;
    });
  }

  /** Changes come in few places, so most lines are where they were, counted from the beginning or from the end. */
  #updateSome(lines: readonly string[]): Mapping[] {
    const old = this.#lines;
    const shorter = Math.min(lines.length, old.length);
    let head = 0;
    while (head < shorter && lines[head] === old[head]) head += 1;
    let tail = 0;
    while (tail < shorter - head && lines[lines.length - 1 - tail] === old[old.length - 1 - tail]) tail += 1;
    const between = new Map<string, Mapping>();
    for (let at = head; at < old.length - tail; at++) between.set(old[at]!, this.#mappings[at]!);
    return [
      ...this.#mappings.slice(0, head),
      ...lines
        .slice(head, lines.length - tail)
        .map((line) => between.get(line) ?? this.#parse(line, undefined)),
      ...this.#mappings.slice(old.length - tail),
    ];
  }

  #parse(text: string, smaps: SmapsEntry | undefined): Mapping {
    const line = parseMapsLine(text);
    if (line === undefined) {
      throw new ProcessGuestError('PROCESS_READ_FAILED', `a line of maps has an unknown form: ${text}`);
    }
    const { flags, pageSize } = smaps ?? this.#inherited(line);
    const kind = kindOf(line, flags, () => this.#options.fileSystemOf(line));
    return { ...line, kind, flags, pageSize: kind === 'hugetlb' ? this.#hugePage(pageSize) : pageSize };
  }

  /** What was known of the mapping that this one is a part or a continuation of. */
  #inherited(line: MapsLine): SmapsEntry {
    const before = this.#overlapping(line);
    if (before !== undefined && isSameBacking(before, line)) return before;
    // Not knowing, believe what nearly every new mapping is: one that its owner may make writable.
    return { flags: VM_FLAGS.unknown | VM_FLAGS.mw, pageSize: this.#options.basePageSize };
  }

  #overlapping({ start, end }: MapsLine): Mapping | undefined {
    const mappings = this.#mappings;
    let low = 0;
    let high = mappings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (mappings[middle]!.end <= start) low = middle + 1;
      else high = middle;
    }
    const found = mappings[low];
    return found !== undefined && found.start < end ? found : undefined;
  }

  #hugePage(pageSize: number): number {
    return pageSize > this.#options.basePageSize ? pageSize : this.#options.hugePageSize;
  }
}

function isSameBacking(mapping: Mapping, line: MapsLine): boolean {
  return (
    mapping.inode === line.inode &&
    mapping.devMajor === line.devMajor &&
    mapping.devMinor === line.devMinor &&
    mapping.path === line.path
  );
}

/** Whether the owner can ever write to it: what userfaultfd asks of memory that is to be armed. */
export function mayWrite({ flags, perms }: Mapping): boolean {
  return (flags & VM_FLAGS.mw) !== 0 || (perms & PERM_WRITE) !== 0;
}
