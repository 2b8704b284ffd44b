import type { Grant, Limiter, Step } from '../limiter.ts';

/** The state of each part, in their order. */
export type MinimumState = readonly unknown[];

/**
 * All of these at once: the strictest wins. As few pages as any of them allows, as late as any of them says, and asked on faults if any
 * of them wants to be. Each part sees every observation, so it accounts for pages whoever has allowed them.
 * @throws {RangeError} without a part.
 */
export function minimum(parts: readonly Limiter[], name = 'min'): Limiter<MinimumState> {
  if (parts.length === 0) throw new RangeError('min needs at least one limiter');
  return {
    name,
    initial: (nowNs) => parts.map((part) => part.initial(nowNs)),
    step(state, observation) {
      const steps = parts.map((part, index): Step<unknown> => part.step(state[index], observation));
      const grants = steps.map(({ grant }, index) => named(grant, parts[index]?.name ?? ''));
      return { state: steps.map((step) => step.state), grant: strictest(grants, observation.nowNs) };
    },
  };
}

function named(grant: Grant, name: string): Grant {
  return { ...grant, reason: grant.reason === undefined ? name : `${name}: ${grant.reason}` };
}

/** The reason is that of who holds the sweep back most: no pages, then the longest wait, then the fewest pages. */
function strictest(grants: readonly Grant[], nowNs: number): Grant {
  const pages = Math.min(...grants.map((grant) => grant.pages));
  const notBeforeNs = Math.max(...grants.map((grant) => grant.notBeforeNs));
  const decisive =
    pages > 0 && notBeforeNs > nowNs
      ? grants.find((grant) => grant.notBeforeNs === notBeforeNs)
      : grants.find((grant) => grant.pages === pages);
  const wakeOnFault = grants.some((grant) => grant.wakeOnFault);
  return {
    pages,
    notBeforeNs,
    wakeOnFault,
    ...(decisive?.reason === undefined ? {} : { reason: decisive.reason }),
  };
}
