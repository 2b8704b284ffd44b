import { GUEST_PAGE_BYTES } from '../guest-memory.ts';

/**
 * What a written page of the counter workload looks like: eight stamps, one at the start of every 512 bytes, each two doubles,
 * the number of the write and the number of the page. The rest of the page stays zero.
 *
 * A page captured in the middle of a write has stamps of two numbers; one put in the wrong place has the wrong page number.
 */
export const STAMPS_PER_PAGE = 8;
export const DOUBLES_PER_PAGE = GUEST_PAGE_BYTES / Float64Array.BYTES_PER_ELEMENT;
export const DOUBLES_PER_STAMP_SPACING = DOUBLES_PER_PAGE / STAMPS_PER_PAGE;

/** Writes all stamps of `page`, first to last, into the page that starts at the double `base` of `memory`. */
export function stampPage(memory: Float64Array, base: number, page: number, sequence: number): void {
  for (let at = base; at < base + DOUBLES_PER_PAGE; at += DOUBLES_PER_STAMP_SPACING) {
    memory[at] = sequence;
    memory[at + 1] = page;
  }
}
