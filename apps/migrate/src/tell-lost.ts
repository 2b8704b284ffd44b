import { ChainError } from './chain/chain-error.ts';
import { SnapshotError } from '@stillframe/snapshot';
import type { LoadOptions } from './load-image.ts';
import { PageMapText } from './report/page-map.ts';
import { showCount } from './report/units.ts';
import { openDamaged, readAll } from './salvage-pages.ts';

/** Tells which pages of a damaged image are lost. Says so where that cannot be told either; throws only the reason of the signal. */
export async function tellLost(path: string, { context, report, ...parents }: LoadOptions): Promise<void> {
  try {
    await using image = await openDamaged(path, parents);
    const { salvage, parentTrouble } = image;
    await readAll(image, context.signal);
    const map = new PageMapText(salvage.regions);
    for (const run of salvage.lost) {
      map.add(run);
      report.event({ type: 'lost', path, ...run });
    }
    report.event({
      type: 'damaged',
      path,
      lostPages: map.pages,
      stateLost: salvage.readState() === undefined,
      digestOfSource: salvage.digest,
    });
    if (parentTrouble !== '') report.talk(`what it takes from its parent is lost: ${parentTrouble}`);
    report.talk(verdict(map, salvage.digest));
  } catch (error) {
    if (!(error instanceof SnapshotError || error instanceof ChainError)) throw error;
    report.talk(`nothing of it can be saved: ${error.message}`);
  }
}

function verdict(map: PageMapText, digest: 'matches' | 'differs' | 'unknown'): string {
  if (map.pages > 0) {
    return `${showCount(map.pages)} pages are lost; \`migrate salvage\` saves the others\n${map.text('lost')}`;
  }
  if (digest === 'differs')
    return 'every page has its checksum, but the digest says that they are not those of the image';
  return 'no page is lost: `migrate salvage` makes a good image of it';
}
