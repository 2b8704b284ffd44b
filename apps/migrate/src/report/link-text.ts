import type { LinkNumbers } from '@stillframe/snapshot';
import { showBytes, showMs } from './units.ts';

/** Of the summary; nothing when there was no `--retry`. */
export function linkSummary(link: LinkNumbers | undefined): Partial<Omit<LinkNumbers, 'linked'>> {
  if (link === undefined) return {};
  const { reconnects, resentBytes, offlineMs } = link;
  return { reconnects, resentBytes, offlineMs };
}

/** One line, for a link that was lost. */
export function linkText({ reconnects, resentBytes, offlineMs }: LinkNumbers): string {
  return `lost ${reconnects} times, ${showMs(offlineMs)} in sum; ${showBytes(resentBytes)} sent again`;
}
