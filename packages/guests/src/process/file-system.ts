import { statfsSync } from 'node:fs';
import type { MapsLine } from './maps-line.ts';
import type { FileSystem } from './mapping-kind.ts';

/** statfs(2). */
const MAGIC: ReadonlyMap<number, FileSystem> = new Map([
  [0x0102_1994, 'shmem'],
  [0x9584_58f6, 'hugetlbfs'],
]);

/**
 * Tells the file system behind a mapping of a process, once for each device number.
 *
 * Asks through map_files, which also reaches deleted files but needs a capability, then by path inside the process's own root.
 */
export class FileSystems {
  readonly #proc: string;
  readonly #known = new Map<string, FileSystem>();

  constructor(procPath: string) {
    this.#proc = procPath;
  }

  of(line: MapsLine): FileSystem {
    const device = `${line.devMajor}:${line.devMinor}`;
    let found = this.#known.get(device);
    if (found === undefined) {
      found =
        this.#ask(mapFilesPath(this.#proc, line)) ?? this.#ask(`${this.#proc}/root${line.path}`) ?? 'other';
      this.#known.set(device, found);
    }
    return found;
  }

  #ask(path: string): FileSystem | undefined {
    try {
      return MAGIC.get(statfsSync(path).type) ?? 'other';
    } catch {
      return undefined;
    }
  }
}

/** The link of the kernel to the file behind a mapping; its name has no leading zeros. */
export function mapFilesPath(procPath: string, { start, end }: { start: bigint; end: bigint }): string {
  return `${procPath}/map_files/${start.toString(16)}-${end.toString(16)}`;
}
