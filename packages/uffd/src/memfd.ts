import native from '#native';
import { argumentError, checked } from './errors.ts';
import { hugePageBits } from './memory.ts';
import { NamedBits } from './named-bits.ts';
import { toFd } from './range.ts';

export interface MemfdOptions {
  /** Closed by execve. Default true. */
  readonly closeOnExec?: boolean;
  /** Default false. */
  readonly allowSealing?: boolean;
  /** Bytes: a file of huge pages of this size (2 MiB or 1 GiB on x86_64). Default ordinary pages. */
  readonly hugePageSize?: number;
  /** Whether the file may ever be executed; false seals that. Needs Linux 6.3. Default: as vm.memfd_noexec says. */
  readonly executable?: boolean;
}

/** NAME_MAX less `memfd:`. */
export const MEMFD_NAME_MAX_BYTES = 249;

const MFD_CLOEXEC = 1n;
const MFD_ALLOW_SEALING = 2n;
const MFD_HUGETLB = 4n;
const MFD_NOEXEC_SEAL = 8n;
const MFD_EXEC = 0x10n;

/** A file that lives in memory, empty: give it a size with `fs.ftruncateSync`. @returns A descriptor, the caller's to close. */
export function memfdCreate(name: string, options: MemfdOptions = {}): number {
  const { closeOnExec = true, allowSealing = false, hugePageSize, executable } = options;
  if (name.includes('\0')) throw argumentError(TypeError, 'the name must not contain a NUL');
  if (Buffer.byteLength(name) > MEMFD_NAME_MAX_BYTES) {
    throw argumentError(RangeError, `the name must be at most ${MEMFD_NAME_MAX_BYTES} bytes long`);
  }
  let flags = (closeOnExec ? MFD_CLOEXEC : 0n) | (allowSealing ? MFD_ALLOW_SEALING : 0n);
  if (executable !== undefined) flags |= executable ? MFD_EXEC : MFD_NOEXEC_SEAL;
  if (hugePageSize !== undefined)
    flags |= MFD_HUGETLB | BigInt.asUintN(32, BigInt(hugePageBits(hugePageSize)));
  return checked(native.memfdCreate(name, flags), 'memfd_create', { name, flags });
}

/** Each is an `F_SEAL_` of the kernel: what can no longer be done to the file. EXEC needs Linux 6.3. */
export type Seal = 'SEAL' | 'SHRINK' | 'GROW' | 'WRITE' | 'FUTURE_WRITE' | 'EXEC';

const seals = new NamedBits<Seal>('seal', {
  SEAL: 0x01,
  SHRINK: 0x02,
  GROW: 0x04,
  WRITE: 0x08,
  FUTURE_WRITE: 0x10,
  EXEC: 0x20,
});

/** Seals cannot be taken back. */
export function addSeals(fd: number, names: readonly Seal[]): void {
  const result = native.addSeals(toFd(fd, 'fd'), Number(seals.maskOf(names)));
  checked(result, 'fcntl(F_ADD_SEALS)', { fd, seals: names });
}

export function getSeals(fd: number): Seal[] {
  return seals.namesIn(BigInt(checked(native.getSeals(toFd(fd, 'fd')), 'fcntl(F_GET_SEALS)', { fd })));
}
