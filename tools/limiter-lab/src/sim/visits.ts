import { HOT_SHARE_OF_PAGES, HOT_WRITES_OF_TEN, SCATTER, type Workload } from '../workload.ts';
import type { Random } from './random.ts';

/** The next page that writer `writer` writes to, again and again. */
export function visitsOf(
  { pattern, writers }: Workload,
  writer: number,
  pageCount: number,
  random: Random,
): () => number {
  const slots = Math.floor(pageCount / writers);
  if (slots === 0) throw new RangeError(`${pageCount} pages are too few for ${writers} writers`);
  const page = (slot: number): number => slot * writers + writer;
  const draw = (count: number): number => Math.floor(random.next() * count);
  // A scan begins in the middle: it and the sweep are not in step.
  let turn = Math.floor(slots / 2);
  switch (pattern) {
    case 'scan':
      return () => page(turn++ % slots);
    case 'hot': {
      const hotSlots = Math.max(1, Math.floor(slots / HOT_SHARE_OF_PAGES));
      return () => page(draw(10) < HOT_WRITES_OF_TEN ? draw(hotSlots) : draw(slots));
    }
    case 'scatter':
    default: {
      // As multiplication in 64 bits: the step is kept below the number of slots, so that nothing is rounded.
      const step = SCATTER % slots;
      let slot = 0;
      return () => {
        const found = page(slot);
        slot = (slot + step) % slots;
        return found;
      };
    }
  }
}

/** When a write that could have been at `atNs` may be: a writer that rests writes again when its rest is over. */
export function awakeNs({ onMs, offMs }: Workload, atNs: number): number {
  if (offMs === 0) return atNs;
  const periodNs = (onMs + offMs) * 1e6;
  const phaseNs = atNs % periodNs;
  return phaseNs < onMs * 1e6 ? atNs : atNs - phaseNs + periodNs;
}
