import { ChainPages } from '../chain/chain-pages.ts';
import { type OpenSource, openLink } from '../chain/image-link.ts';
import { CliError } from '../cli-error.ts';
import { showCount } from '../report/units.ts';
import { type HalfNote, readHalf } from './half-state.ts';

/**
 * Throws CliError REFUSED for a half that lacks pages: its zeros in their place would be taken for memory. Says nothing of an image that
 * cannot be read: who restores it tells what is wrong.
 */
export async function refuseHalf(path: string, open?: OpenSource): Promise<void> {
  const missing = (await noteOf(path, open))?.missing.reduce((sum, run) => sum + run.pageCount, 0) ?? 0;
  if (missing === 0) return;
  throw new CliError(
    'REFUSED',
    `${path} is half of a guest: ${showCount(missing)} of its pages are at the other side`,
    { hint: 'Make one image of both: `migrate reconcile --join HALF HALF --out PATH`.' },
  );
}

async function noteOf(path: string, open: OpenSource | undefined): Promise<HalfNote | undefined> {
  try {
    const link = await openLink(path, open);
    await using source = link.source;
    // Halves are complete in themselves.
    if (link.identity.parent !== undefined) return undefined;
    const { top } = new ChainPages([{ ...link, source }]);
    return readHalf(top.readState(), top.regions);
  } catch {
    return undefined;
  }
}
