import type { Limiter } from '../limiter.ts';
import type { Bound } from './bound.ts';
import { demand } from './failure.ts';
import { quietObservation } from './observation.ts';

const GRANTS = 1_000_000;
const PAGE_SIZE = 4096;
/** What one page costs the driver in time, when nothing holds it back. */
const PAGE_NS = 1000;
/** Steps per page that goes out: a policy may ask to wait before each, and be asked once more after the wait. */
const MAX_STEPS = 3 * GRANTS;

/** A million pages, captured one at a time with a step after each, take a million grants: none is lost, none given twice. */
export function checkSmallGrants(make: () => Limiter): void {
  const limiter = make();
  let nowNs = 1e12;
  let state = limiter.initial(nowNs);
  let pagesLeft = GRANTS;
  let sweptPages = 0;
  let steps = 0;
  // Made once and copied: most of the time would go into making a million of its parts.
  const quiet = quietObservation();
  while (pagesLeft > 0) {
    demand(++steps <= MAX_STEPS, () => `${GRANTS - pagesLeft} pages after ${MAX_STEPS} steps`);
    const bytesLeft = pagesLeft * PAGE_SIZE;
    const step = limiter.step(state, { ...quiet, nowNs, sweptPages, pagesLeft, bytesLeft });
    state = step.state;
    const { pages, notBeforeNs } = step.grant;
    sweptPages = pages > 0 && notBeforeNs <= nowNs ? 1 : 0;
    pagesLeft -= sweptPages;
    nowNs = sweptPages === 1 ? nowNs + PAGE_NS : Math.max(notBeforeNs, nowNs + 1);
  }
}

/** Time for a fraction of a byte passes between most steps. */
const BYTES_PER_STEP = 0.37;

/**
 * A million steps with less than a byte's time between them, the sweep taking all it is allowed: at the end it has had all
 * that the rate gives in that time, up to one page.
 */
export function checkExactRate(make: () => Limiter, { bytesPerSecond, burstBytes }: Bound): void {
  const limiter = make();
  const intervalNs = Math.max(1, Math.floor((BYTES_PER_STEP * 1e9) / bytesPerSecond));
  const startNs = 1e12;
  let nowNs = startNs;
  let state = limiter.initial(nowNs);
  let sweptPages = 0;
  let bytes = 0;
  let notBeforeNs = nowNs;
  const quiet = quietObservation({ pagesLeft: 2 ** 40 });
  for (let steps = 0; steps < GRANTS || notBeforeNs > nowNs; steps++) {
    if (steps >= GRANTS) nowNs = notBeforeNs; // the last grant, at the instant when it becomes due
    const step = limiter.step(state, { ...quiet, nowNs, sweptPages });
    ({ state } = step);
    ({ notBeforeNs } = step.grant);
    sweptPages = notBeforeNs <= nowNs ? step.grant.pages : 0;
    bytes += sweptPages * PAGE_SIZE;
    if (steps < GRANTS - 1) nowNs += intervalNs * (steps % 3);
  }
  const allowed = burstBytes + ((nowNs - startNs) * bytesPerSecond) / 1e9;
  demand(bytes <= allowed + 1, () => `${bytes} bytes in a million steps, ${allowed} allowed`);
  demand(bytes > allowed - PAGE_SIZE - 1, () => `${bytes} bytes in a million steps, of ${allowed} allowed`);
}
