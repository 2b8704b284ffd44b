import { MAX_CHAIN_LENGTH } from '@stillframe/page-stream';
import { isSame } from '../chain/find-parent.ts';
import { type ImageLink, openLink, type OpenSource } from '../chain/image-link.ts';
import { pc } from '../report/colours.ts';
import type { Report } from '../report/report.ts';
import { seriesPath } from './image-series.ts';

/**
 * The images that an earlier series has behind the names of this one: they build on what is replaced, so nothing can read them any more. What
 * cannot be opened, or builds on something else, is not among them.
 */
export async function leftoversOf(out: string, count: number, open: OpenSource): Promise<string[]> {
  const left: string[] = [];
  let below = await identityAt(seriesPath(out, count - 1), open);
  for (let number = count; below !== undefined && number <= MAX_CHAIN_LENGTH; number++) {
    const path = seriesPath(out, number);
    // oxlint-disable-next-line no-await-in-loop -- each builds on the one before
    const next = await identityAt(path, open);
    if (next?.parent === undefined || !isSame(next.parent.streamId, below.streamId)) break;
    left.push(path);
    below = next;
  }
  return left;
}

/** Removing them is up to a person, who may have a copy of what they build on. */
export function tellLeftovers(left: readonly string[], report: Report): void {
  if (left.length === 0) return;
  const message = `${left.join(', ')} will be of no use: built on an image that is replaced`;
  report.talk(`${pc.yellow('warning')} ${pc.bold('SERIES_LEFTOVERS')}: ${message}`);
  report.talk(
    `${pc.dim('hint:')} Remove them afterwards, or stop this now and give each series a name of its own.`,
  );
  report.event({ type: 'warning', code: 'SERIES_LEFTOVERS', message, paths: left });
}

async function identityAt(path: string, open: OpenSource): Promise<ImageLink['identity'] | undefined> {
  try {
    const { source, identity } = await openLink(path, open);
    await source[Symbol.asyncDispose]();
    return identity;
  } catch {
    // No file, no image, another key, damaged: whatever it is, nothing is known to build on it.
    return undefined;
  }
}
