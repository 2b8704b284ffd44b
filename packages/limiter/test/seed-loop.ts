import type { InlineScript } from '../src/compliance.ts';

/** One page of the seed's loop, and its counter after the limiter ran. */
export interface SeedDecision {
  readonly cause: 'fault' | 'sweep';
  readonly page: number;
  readonly atNs: number;
  readonly counter: number;
}

const SLOW_NS = 5e6;
const POLL_NS = 5e6;
const COUNTER = 200;

/**
 * The seed's loop, written down from its description and knowing nothing of grants: one thread reads at most one message, saves one
 * page, lets its writer go, and runs the limiter, which may sit in poll().
 */
export function seedLoop({ pageCount, startNs, saveNs, writes }: InlineScript): SeedDecision[] {
  const decisions: SeedDecision[] = [];
  const saved = new Set<number>();
  const messages = [...writes];
  let now = startNs;
  let lastFault = 0;
  let counter = 0;
  let scan = 0;

  const dropStale = (): void => {
    while (messages[0] !== undefined && saved.has(messages[0].page)) messages.shift();
  };
  const readNonBlocking = (): number | undefined => {
    dropStale();
    return messages[0] !== undefined && messages[0].atNs <= now ? messages.shift()?.page : undefined;
  };
  const nextOfScan = (): number => {
    while (saved.has(scan)) scan += 1;
    return scan;
  };
  const poll = (timeoutNs: number): void => {
    dropStale();
    const arrival = messages[0]?.atNs ?? Number.POSITIVE_INFINITY;
    now = Math.min(now + timeoutNs, Math.max(now, arrival));
  };

  while (saved.size < pageCount) {
    const faultPage = readNonBlocking();
    if (faultPage !== undefined) lastFault = now;
    const page = faultPage ?? nextOfScan();
    const atNs = now;
    now += saveNs(decisions.length);
    saved.add(page);

    if (lastFault !== 0) {
      const latency = now - lastFault;
      lastFault = 0;
      if (latency > SLOW_NS) counter = COUNTER;
    }
    if (counter > 0) {
      poll(POLL_NS);
      counter -= 1;
    }
    decisions.push({ cause: faultPage === undefined ? 'sweep' : 'fault', page, atNs, counter });
  }
  return decisions;
}
