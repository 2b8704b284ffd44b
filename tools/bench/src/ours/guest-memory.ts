import { Mapping } from '@stillframe/uffd';
import type { PageKind } from '../peers.ts';
import { type Addon, FIELD_HUGE } from './addon.ts';

const KIND_NUMBERS: Readonly<Record<PageKind, number>> = { base: 0, huge: 1, untouched: 2 };

/** The guest's memory, with the pages and the bytes that peers/guest_memory.h gives the peers'. */
export function mapGuest(addon: Addon, bytes: number, kind: PageKind): Mapping {
  const memory = new Mapping({ sizeBytes: bytes });
  addon.preparePages(Number(memory.address), bytes, KIND_NUMBERS[kind]);
  return memory;
}

export function hugeBytesOf(addon: Addon, memory: Mapping): number {
  return addon.mappingBytes(Number(memory.address), FIELD_HUGE);
}
