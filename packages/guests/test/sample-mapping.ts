import { type Mapping, VM_FLAGS } from '../src/process/mapping.ts';

export const PAGE = 4096;

/** Private anonymous memory that may be read and written. */
export function sampleMapping(start: bigint, pages: number, change: Partial<Mapping> = {}): Mapping {
  return {
    start,
    end: start + BigInt(pages * PAGE),
    perms: 6,
    offset: 0n,
    devMajor: 0,
    devMinor: 0,
    inode: 0n,
    path: '',
    kind: 'anonymous',
    flags: VM_FLAGS.mw,
    pageSize: PAGE,
    ...change,
  };
}
