/** Bits of `MapsLine.perms`: the first three as p_flags of ELF. */
export const PERM_EXEC = 1;
export const PERM_WRITE = 2;
export const PERM_READ = 4;
export const PERM_SHARED = 8;

/** A line of /proc/PID/maps as it stands there; proc_pid_maps(5). */
export interface MapsLine {
  readonly start: bigint;
  readonly end: bigint;
  /** `PERM_` bits. */
  readonly perms: number;
  /** Bytes into the file. */
  readonly offset: bigint;
  readonly devMajor: number;
  readonly devMinor: number;
  readonly inode: bigint;
  /** As the kernel shows it: a path, possibly with ` (deleted)`, a name in brackets, or empty. */
  readonly path: string;
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) (....) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+) *(.*)$/;

/** Undefined for what is not such a line. */
export function parseMapsLine(line: string): MapsLine | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, start, end, perms = '', offset, major = '', minor = '', inode = '', path = ''] = match;
  return {
    start: BigInt(`0x${start}`),
    end: BigInt(`0x${end}`),
    perms:
      (perms[0] === 'r' ? PERM_READ : 0) |
      (perms[1] === 'w' ? PERM_WRITE : 0) |
      (perms[2] === 'x' ? PERM_EXEC : 0) |
      (perms[3] === 's' ? PERM_SHARED : 0),
    offset: BigInt(`0x${offset}`),
    devMajor: Number.parseInt(major, 16),
    devMinor: Number.parseInt(minor, 16),
    inode: BigInt(inode),
    // The kernel writes a newline in a name as \012, and nothing else is replaced.
    path: path.replaceAll('\\012', '\n'),
  };
}
