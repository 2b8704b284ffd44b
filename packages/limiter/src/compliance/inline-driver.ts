import type { Grant, Limiter, Observation, Step } from '../limiter.ts';
import { quietObservation } from './observation.ts';

/** A guest and a sink for inline mode, where each page is saved before the next is looked at. */
export interface InlineScript {
  readonly pageCount: number;
  readonly pageSize: number;
  readonly startNs: number;
  /** What saving takes, for the n-th page that goes out. */
  readonly saveNs: (nth: number) => number;
  /** Writes to pages in order of time; one to a page that is already saved is no fault. */
  readonly writes: readonly { readonly atNs: number; readonly page: number }[];
}

/** One page that went out, and when its saving began. */
export interface InlineDecision {
  readonly cause: 'fault' | 'sweep';
  readonly page: number;
  readonly atNs: number;
}

/** Called after each step; `pageOut` tells whether a page went out just before it. */
export type OnInlineStep<State> = (step: Step<State>, pageOut: boolean) => void;

const MAX_TURNS = 1_000_000;
/** A grant of no pages and no wait is asked again after this long. */
const STEP_BOUND_NS = 100e6;

/**
 * Drives a limiter as inline mode does: a waiting fault goes first, then the sweep as granted, and a step follows every page.
 * When `notBeforeNs` passes without a fault, there is one more step before the page. Gives up after a million turns.
 */
export function driveInline<State>(
  limiter: Limiter<State>,
  script: InlineScript,
  onStep?: OnInlineStep<State>,
): InlineDecision[] {
  const decisions: InlineDecision[] = [];
  const pages = new InlinePages(script);
  let nowNs = script.startNs;
  let state = limiter.initial(nowNs);
  let grant: Grant = { pages: 0, notBeforeNs: nowNs, wakeOnFault: false };
  const step = (pageOut: boolean, seen: Partial<Observation>): void => {
    const next = limiter.step(state, observe(script, nowNs, script.pageCount - decisions.length, seen));
    onStep?.(next, pageOut);
    ({ state, grant } = next);
  };

  step(false, {});
  for (let turns = 0; decisions.length < script.pageCount && turns < MAX_TURNS; turns++) {
    const faultPage = pages.faultAt(nowNs);
    if (faultPage === undefined && (grant.pages === 0 || nowNs < grant.notBeforeNs)) {
      const untilNs = grant.notBeforeNs > nowNs ? grant.notBeforeNs : nowNs + STEP_BOUND_NS;
      const writeNs = pages.nextWriteNs();
      nowNs = Math.min(untilNs, writeNs);
      if (nowNs < writeNs) step(false, {});
      continue;
    }
    const readNs = nowNs;
    const page = faultPage ?? pages.nextInOrder();
    decisions.push({ cause: faultPage === undefined ? 'sweep' : 'fault', page, atNs: readNs });
    pages.save(page);
    nowNs += script.saveNs(decisions.length - 1);
    step(true, faultPage === undefined ? { sweptPages: 1 } : { faults: 1, lastFaultReadNs: readNs });
  }
  return decisions;
}

function observe(
  { pageSize }: InlineScript,
  nowNs: number,
  pagesLeft: number,
  seen: Partial<Observation>,
): Observation {
  const bytesLeft = pagesLeft * pageSize;
  return quietObservation({
    nowNs,
    pagesLeft,
    bytesLeft,
    pageSize,
    preImages: { bytes: 0, maxBytes: 0 },
    ...seen,
  });
}

/** Which pages are saved, and which writes are still to come. */
class InlinePages {
  private readonly writes: InlineScript['writes'];
  private readonly saved = new Set<number>();
  private nextWrite = 0;
  private cursor = 0;

  constructor({ writes }: InlineScript) {
    this.writes = writes;
  }

  save(page: number): void {
    this.saved.add(page);
  }

  /** Takes the oldest write that has happened by now to a page not saved; undefined when nobody waits. */
  faultAt(nowNs: number): number | undefined {
    for (let write = this.writes[this.nextWrite]; write !== undefined; write = this.writes[this.nextWrite]) {
      if (write.atNs > nowNs) return undefined;
      this.nextWrite += 1;
      if (!this.saved.has(write.page)) return write.page;
    }
    return undefined;
  }

  nextWriteNs(): number {
    return this.writes[this.nextWrite]?.atNs ?? Number.POSITIVE_INFINITY;
  }

  nextInOrder(): number {
    while (this.saved.has(this.cursor)) this.cursor += 1;
    return this.cursor;
  }
}
