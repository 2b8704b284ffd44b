import { setImmediate as turn } from 'node:timers/promises';
import type { RegionEntry } from '@stillframe/page-stream';
import type { ChainPages } from './chain/chain-pages.ts';

/** Pages of one region that differ. */
export interface DifferingRun {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

/** How much of each image is read at a time. */
const PIECE_BYTES = 1024 * 1024;

/** Pieces between two looks at signals. */
const PIECES_PER_TURN = 16;

export interface DiffOptions {
  readonly signal: AbortSignal;
  /** Counts pages that were compared, and those of them that had to be read. */
  readonly onPages?: (pages: number, readPages: number) => void;
}

/**
 * The pages that two images of the same layout hold differently, in order, neighbours as one run. What both take from the same image below
 * them, and what both state as zeros, is not read.
 *
 * Throws SnapshotError for what is damaged, and the reason of `signal`.
 */
export async function* diffImages(
  one: ChainPages,
  other: ChainPages,
  { signal, onPages }: DiffOptions,
): AsyncGenerator<DifferingRun> {
  const runs = new JoinedRuns();
  let pieces = 0;
  for (const region of one.top.regions) {
    const pages = region.sizeBytes / region.pageSize;
    for (let page = 0; page < pages; ) {
      const { isSame, end } = compareOwners(one, other, region, page);
      for (const run of isSame ? [] : differingIn(one, other, region, page, end)) yield* runs.add(run);
      onPages?.(end - page, isSame ? 0 : end - page);
      page = end;
      pieces += 1;
      // oxlint-disable-next-line no-await-in-loop -- reading is synchronous
      if (pieces % PIECES_PER_TURN === 0) await turn();
      signal.throwIfAborted();
    }
  }
  yield* runs.rest();
}

/** Whether the pages up to `end` are the same for certain; if not, they are few enough to be read. */
function compareOwners(
  one: ChainPages,
  other: ChainPages,
  { id, sizeBytes, pageSize }: RegionEntry,
  page: number,
): { isSame: boolean; end: number } {
  const a = one.owner(id, page);
  const b = other.owner(id, page);
  const end = Math.min(a.end, b.end, sizeBytes / pageSize);
  const isSame = a.image === b.image || (a.isZero && b.isZero);
  if (isSame) return { isSame, end };
  return { isSame, end: Math.min(end, page + Math.max(1, Math.floor(PIECE_BYTES / pageSize))) };
}

/** By reading both. */
function* differingIn(
  one: ChainPages,
  other: ChainPages,
  { id, pageSize }: RegionEntry,
  firstPage: number,
  end: number,
): Generator<DifferingRun> {
  const a = Buffer.alloc((end - firstPage) * pageSize);
  const b = Buffer.alloc(a.length);
  one.readPages(id, firstPage, a);
  other.readPages(id, firstPage, b);
  if (a.equals(b)) return;
  for (let at = 0; at < a.length; at += pageSize) {
    if (a.compare(b, at, at + pageSize, at, at + pageSize) === 0) continue;
    yield { region: id, firstPage: firstPage + at / pageSize, pageCount: 1 };
  }
}

/** Makes one run of neighbours. */
class JoinedRuns {
  #last: DifferingRun | undefined;

  *add(run: DifferingRun): Generator<DifferingRun> {
    const last = this.#last;
    if (last?.region === run.region && last.firstPage + last.pageCount === run.firstPage) {
      this.#last = { ...last, pageCount: last.pageCount + run.pageCount };
      return;
    }
    yield* this.rest();
    this.#last = run;
  }

  *rest(): Generator<DifferingRun> {
    if (this.#last !== undefined) yield this.#last;
    this.#last = undefined;
  }
}
