import type { Grant, Observation } from './limiter.ts';
import { toWhole } from './whole.ts';

/** A grant of unknown origin. */
type GrantLike = { readonly [Key in keyof Grant]?: unknown };

/** What is wrong with a grant given for this observation, or undefined when a driver can act on it. */
export function grantFault(grant: GrantLike, observation: Observation): string | undefined {
  const { pages, notBeforeNs, wakeOnFault, reason } = grant;
  if (typeof pages !== 'number' || !Number.isSafeInteger(pages) || pages < 0)
    return `pages is ${String(pages)}, not a whole number`;
  if (pages > toWhole(observation.pagesLeft))
    return `pages is ${pages}, but ${observation.pagesLeft} are left`;
  if (!Number.isFinite(notBeforeNs)) return `notBeforeNs is ${String(notBeforeNs)}, not a finite time`;
  if (typeof wakeOnFault !== 'boolean') return `wakeOnFault is ${String(wakeOnFault)}, not a boolean`;
  if (reason !== undefined && typeof reason !== 'string') return 'reason is not a string';
  return undefined;
}
