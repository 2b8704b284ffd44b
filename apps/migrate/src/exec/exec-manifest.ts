import type { GuestState, Region } from '@stillframe/snapshot';

/** Raised when a reader of the manifest would misread a newer one. */
const EXEC_MANIFEST_VERSION = 1;

/** Descriptors of the child: the control channel, the manifest, the state, then one file of memory for each region. */
export const CONTROL_FD = 3;
const MANIFEST_FD = 4;
const STATE_FD = 5;
const FIRST_MEMORY_FD = 6;

/** What the child reads from MANIFEST_FD, as JSON. */
export interface ExecManifest {
  readonly manifestVersion: typeof EXEC_MANIFEST_VERSION;
  readonly state: { readonly kind: string; readonly sizeBytes: number; readonly fd: number };
  /** Each a file in memory of `sizeBytes`, to be mapped shared or private, or read. */
  readonly regions: readonly (Region & { readonly fd: number })[];
}

export function execManifest(regions: readonly Region[], { kind, bytes }: GuestState): ExecManifest {
  return {
    manifestVersion: EXEC_MANIFEST_VERSION,
    state: { kind, sizeBytes: bytes.byteLength, fd: STATE_FD },
    regions: regions.map(({ id, name, sizeBytes, pageSize }, at) => ({
      id,
      name,
      sizeBytes,
      pageSize,
      fd: FIRST_MEMORY_FD + at,
    })),
  };
}

/** How the child finds the manifest and the channel without being told by arguments. */
export function execEnvironment(): Record<string, string> {
  return { STILLFRAME_CONTROL_FD: String(CONTROL_FD), STILLFRAME_MANIFEST_FD: String(MANIFEST_FD) };
}
