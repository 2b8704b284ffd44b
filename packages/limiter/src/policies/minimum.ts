import type { Grant, Limiter, Step } from '../limiter.ts';

/** The state of each part, in their order, with its name: a re-tuning may have other parts. */
export type MinimumState = readonly { readonly name: string; readonly state: unknown }[];

/**
 * All of these at once: the strictest wins. As few pages as any of them allows, as late as any of them says, and asked on faults if any
 * of them wants to be. Each part sees every observation, so it accounts for pages whoever has allowed them.
 * @throws {RangeError} without a part.
 */
export function minimum(parts: readonly Limiter[], name = 'min'): Limiter<MinimumState> {
  if (parts.length === 0) throw new RangeError('min needs at least one limiter');
  return {
    name,
    initial: (nowNs) => parts.map((part) => ({ name: part.name, state: part.initial(nowNs) })),
    adopt: (before, nowNs) =>
      parts.map((part, index) => ({ name: part.name, state: adopted(part, before[index], nowNs) })),
    step(state, observation) {
      const steps = parts.map((part, index): Step<unknown> => part.step(state[index]?.state, observation));
      return {
        state: steps.map((step, index) => ({ name: parts[index]?.name ?? '', state: step.state })),
        grant: strictest(parts, steps, observation.nowNs),
      };
    },
  };
}

/** The state of the part that was in its place, if that was of the same name. */
function adopted(part: Limiter, before: MinimumState[number] | undefined, nowNs: number): unknown {
  if (before?.name !== part.name || part.adopt === undefined) return part.initial(nowNs);
  return part.adopt(before.state, nowNs);
}

/** The reason is that of who holds the sweep back most: no pages, then the longest wait, then the fewest pages. */
function strictest(parts: readonly Limiter[], steps: readonly Step<unknown>[], nowNs: number): Grant {
  let pages = Number.POSITIVE_INFINITY;
  let notBeforeNs = Number.NEGATIVE_INFINITY;
  let wakeOnFault = false;
  let [fewest, latest] = [0, 0];
  for (const [index, { grant }] of steps.entries()) {
    if (grant.pages < pages) [pages, fewest] = [grant.pages, index];
    if (grant.notBeforeNs > notBeforeNs) [notBeforeNs, latest] = [grant.notBeforeNs, index];
    wakeOnFault ||= grant.wakeOnFault;
  }
  const decisive = pages > 0 && notBeforeNs > nowNs ? latest : fewest;
  const [name, why] = [parts[decisive]?.name ?? '', steps[decisive]?.grant.reason];
  return { pages, notBeforeNs, wakeOnFault, reason: why === undefined ? name : `${name}: ${why}` };
}
