import { constants } from 'node:buffer';
import type { GuestState, Region, Target } from '@stillframe/snapshot';
import { Mapping } from '@stillframe/uffd';
import type { WorkloadImage } from '../workloads/index.ts';

export interface MemoryTarget extends Target {
  /** What arrived, by region name. Valid until `discard`. Throws when nothing did. */
  image(): WorkloadImage;
}

/** A received image in memory of this process. Zero runs stay holes: a sparse image needs little memory. */
export function memoryTarget(options: { maxBytes?: number } = {}): MemoryTarget {
  const { maxBytes = process.availableMemory() } = options;
  let regions: readonly Region[] = [];
  let mappings: Mapping[] = [];
  let views: Uint8Array[] = [];
  let state: GuestState | undefined;
  return {
    async allocate(wanted) {
      const total = wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      if (total > maxBytes)
        throw new RangeError(`the image has ${total} bytes of memory, more than the ${maxBytes} allowed`);
      const large = wanted.find(({ sizeBytes }) => sizeBytes > constants.MAX_LENGTH);
      if (large !== undefined) {
        throw new RangeError(
          `region ${large.name} has ${large.sizeBytes} bytes, more than ${constants.MAX_LENGTH}, the most in memory here`,
        );
      }
      regions = wanted;
      // Added one by one, so that those before a failure are given back by `discard`.
      for (const { sizeBytes } of wanted) mappings.push(new Mapping({ sizeBytes }));
      views = mappings.map(({ buffer }) => new Uint8Array(buffer));
    },
    async writeState({ kind, bytes }) {
      state = { kind, bytes: bytes.slice() };
    },
    async writePages(id, runs, bytes) {
      const { pageSize } = regions[id]!;
      let at = 0;
      for (const { firstPage, pageCount, kind } of runs) {
        if (kind === 'zero') continue;
        const sizeBytes = pageCount * pageSize;
        views[id]!.set(bytes.subarray(at, at + sizeBytes), firstPage * pageSize);
        at += sizeBytes;
      }
    },
    readPages(id, firstPage, pages) {
      const start = firstPage * regions[id]!.pageSize;
      pages.set(views[id]!.subarray(start, start + pages.byteLength));
    },
    async commit() {},
    async discard() {
      for (const mapping of mappings) mapping.close();
      mappings = [];
      views = [];
    },
    image() {
      if (state === undefined) throw new Error('no image has arrived');
      return { state, regions: new Map(regions.map(({ name }, id) => [name, views[id]!])) };
    },
  };
}
