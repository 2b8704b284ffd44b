import { test } from 'vitest';
import { type Feature, probe, type UffdEvent, type Userfaultfd } from '../src/index.ts';

/** What this machine can do; the tests that it cannot run say so. */
export const machine = probe();

/** A test that needs something of the machine. A skip prints why; with CI set to `strict` it is a failure. */
export function needs(condition: boolean, reason: string): typeof test | typeof test.skip {
  if (condition) return test;
  console.warn(`skipped: ${reason}`);
  return test.skip;
}

/** Needs a userfaultfd that handles kernel faults, with these features. */
export function needsUffd(...features: Feature[]): typeof test | typeof test.skip {
  const { syscall, device } = machine.open;
  if (!syscall.ok && !device.ok) return needs(false, `${syscall.reason}. ${syscall.remedy}`);
  const missing = features.filter((feature) => !machine.features.includes(feature));
  return needs(missing.length === 0, `the kernel lacks ${missing.join(', ')}`);
}

/** Far beyond anything that works: only a failing test waits so long. */
const GIVE_UP_MS = 5000;

/** The next events; fails when none comes. */
export function nextEvents(uffd: Userfaultfd): UffdEvent[] {
  if (!uffd.waitReadable(GIVE_UP_MS)) throw new Error('no event came');
  return uffd.readEvents();
}

/** The next event, which must be of that kind. */
export function next<Kind extends UffdEvent['kind']>(
  uffd: Userfaultfd,
  kind: Kind,
): Extract<UffdEvent, { kind: Kind }> {
  const [event] = nextEvents(uffd);
  if (event?.kind !== kind) throw new Error(`expected ${kind}, got ${String(event?.kind)}`);
  // biome-ignore lint: checked just above
  return event as Extract<UffdEvent, { kind: Kind }>;
}
