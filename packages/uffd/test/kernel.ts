import { readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { type Feature, probe, type UffdEvent, type Userfaultfd } from '../src/index.ts';

/** What this machine can do; the tests that it cannot run say so. */
export const machine = probe();

/**
 * For `test.skipIf`: whether something is lacking. Prints why; with STILLFRAME_NO_SKIP=1, as in CI, it is an error instead, unless it is a
 * matter of the processor or the Node release, which no configuration changes.
 */
export function lacks(available: boolean, reason: string, changeable = true): boolean {
  if (available) return false;
  if (changeable && process.env['STILLFRAME_NO_SKIP'] === '1')
    throw new Error(`cannot be tested here: ${reason}`);
  console.warn(`skipped: ${reason}`);
  return true;
}

/** For what turns out only while the test runs. */
export function skip(context: TestContext, reason: string): void {
  if (lacks(false, `${context.task.name}: ${reason}`)) context.skip(reason);
}

/** Whether there is no userfaultfd that handles kernel faults, with these features. */
export function lacksUffd(...features: Feature[]): boolean {
  const { syscall, device } = machine.open;
  if (!syscall.ok && !device.ok) return lacks(false, `${syscall.reason}. ${syscall.remedy}`);
  const missing = features.filter((feature) => !machine.features.includes(feature));
  return lacks(missing.length === 0, `the kernel lacks ${missing.join(', ')}`);
}

/** Far beyond anything that works: only a failing test waits so long. */
export const GIVE_UP_MS = 10_000;

/** The next events; fails when none comes. */
export function nextEvents(uffd: Userfaultfd): UffdEvent[] {
  if (!uffd.waitReadable(GIVE_UP_MS)) throw new Error('no event came');
  return uffd.readEvents();
}

/** Bounds a loop that only a failing test runs to its end. */
const LOOKS_MAX = 1_000_000;

/** The kernel's own count: of faults that wait to be read, or of all threads that sleep in a fault. */
export function sleepers(uffd: Userfaultfd, which: 'pending' | 'total'): number {
  const info = readFileSync(`/proc/self/fdinfo/${uffd.fd}`, 'utf8');
  return Number(new RegExp(`^${which}:\\s*(\\d+)`, 'm').exec(info)?.[1]);
}

/** Returns when so many faults wait to be read. */
export function untilPending(uffd: Userfaultfd, count: number): void {
  for (let looks = 0; looks < LOOKS_MAX; looks++) if (sleepers(uffd, 'pending') === count) return;
  throw new Error(`there are not ${count} faults`);
}

/** The next event, which must be of that kind. */
export function next<Kind extends UffdEvent['kind']>(
  uffd: Userfaultfd,
  kind: Kind,
): Extract<UffdEvent, { kind: Kind }> {
  const [event] = nextEvents(uffd);
  if (event === undefined || !isKind(event, kind))
    throw new Error(`expected ${kind}, got ${String(event?.kind)}`);
  return event;
}

function isKind<Kind extends UffdEvent['kind']>(
  event: UffdEvent,
  kind: Kind,
): event is Extract<UffdEvent, { kind: Kind }> {
  return event.kind === kind;
}
