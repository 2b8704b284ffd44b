import type { CutMark, UnchangedPages } from '../guest.ts';
import type { SimulatedMemory } from './memory.ts';

/** Which pages were written since a cut. */
export class ChangeLog {
  readonly #memory: SimulatedMemory;
  #mark: CutMark | undefined;
  #changed: Uint8Array[] = [];

  constructor(memory: SimulatedMemory) {
    this.#memory = memory;
  }

  /** From now on. What was noted before is forgotten. */
  begin(): CutMark {
    this.#mark = {};
    this.#changed = this.#memory.regions.map(
      ({ sizeBytes, pageSize }) => new Uint8Array(sizeBytes / pageSize),
    );
    return this.#mark;
  }

  end(): void {
    this.#mark = undefined;
  }

  wrote(region: number, page: number): void {
    const changed = this.#changed[region];
    if (changed !== undefined) changed[page] = 1;
  }

  /** Undefined for another cut than the one that was begun at. */
  unchangedSince(mark: CutMark): UnchangedPages[] | undefined {
    if (mark !== this.#mark) return undefined;
    return this.#changed.map((changed, region) => ({ region, spans: spansOf(changed) }));
  }
}

/** Where the zeros are. */
function spansOf(changed: Uint8Array): { firstPage: number; pageCount: number }[] {
  const spans: { firstPage: number; pageCount: number }[] = [];
  for (let page = 0; page < changed.length; page++) {
    const last = spans.at(-1);
    if (changed[page] !== 0) continue;
    if (last !== undefined && last.firstPage + last.pageCount === page) last.pageCount += 1;
    else spans.push({ firstPage: page, pageCount: 1 });
  }
  return spans;
}
