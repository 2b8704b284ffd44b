import { type ReceiveSummary, receiveStream, type Target } from '@stillframe/snapshot';
import type { StoredImage } from '@stillframe/page-stream';
import { openChain, openOnto } from './chain/image-chain.ts';
import type { ImageLink } from './chain/image-link.ts';
import { ReadMark } from './chain/read-mark.ts';
import { pageCodec } from './codec.ts';
import type { LoadOptions } from './load-image.ts';
import { tellDamage } from './report/damage.ts';
import { watchReceipt } from './report/watch-receipt.ts';
import { noteSalvagedIn } from './salvaged-note.ts';

/** Takes everything and keeps nothing. */
const nowhere: Target = {
  async allocate() {},
  async writeState() {},
  async writePages() {},
  async commit() {},
  async discard() {},
};

/**
 * Checks every byte of an image, and of all that it builds on, without bringing it into memory: what pages refer to is read from the files
 * again. The summary is that of the image, its `bytes` those of all files. Throws as `loadImage`.
 */
export async function checkChain(
  path: string,
  { context, report, ...choice }: LoadOptions,
): Promise<ReceiveSummary> {
  return await tellDamage(report, async () => {
    const mark = new ReadMark();
    await using chain = await openChain(path, { ...choice, mark });
    await noteSalvagedIn(chain.links, report);
    const check = () => checkLinks(chain.links, { context, report });
    return chain.links.length === 1 ? await check() : await mark.naming(check);
  });
}

/** Each image over those below it, which have been checked by then. */
async function checkLinks(
  links: readonly ImageLink[],
  { context, report }: LoadOptions,
): Promise<ReceiveSummary> {
  let bytes = 0;
  let summary: ReceiveSummary | undefined;
  let below: StoredImage | undefined;
  for (const link of links) {
    const parent = below;
    let own: StoredImage | undefined;
    const run = receiveStream({
      source: link.source,
      target: nowhere,
      // Opened when it is needed: it takes a walk over the image that has no index.
      earlier: {
        readPages: (region, page, pages) => (own ??= openOnto(link, parent)).readPages(region, page, pages),
      },
      codec: pageCodec,
      signal: context.signal,
      ...(parent === undefined ? {} : { parent }),
    });
    // oxlint-disable-next-line no-await-in-loop -- what is below is to be right first
    summary = await watchReceipt(run, 'read', { context, report });
    bytes += summary.bytes;
    if (link !== links.at(-1)) below = own ?? openOnto(link, parent);
  }
  return { ...summary!, bytes };
}
