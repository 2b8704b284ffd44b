import { randomBytes } from 'node:crypto';
import {
  formatDigest,
  type LostPages,
  type PageRun,
  PageStreamEncoder,
  type RegionEntry,
} from '@stillframe/page-stream';
import { pageCodec } from './codec.ts';
import { AtomicFile } from './io/atomic-file.ts';
import { type DamagedImage, salvagedPages } from './salvage-pages.ts';

/** The kind of the state of a salvaged image whose own state was lost: no oracle takes it. */
export const LOST_STATE_KIND = 'lost-state@1';

/** What was saved. */
export interface Salvaged {
  readonly lost: readonly LostPages[];
  readonly stateLost: boolean;
  /** Whether what was saved is what the damaged image states it is; `unknown` when pages, or its end, are lost. */
  readonly digestOfSource: 'matches' | 'differs' | 'unknown';
  /** Of the new image. */
  readonly digest: string;
  readonly streamId: string;
  readonly bytes: number;
}

/**
 * Writes what can be saved of a damaged image into `file` as an image that is complete in itself; what is lost is zeros. Not committed.
 */
export async function writeSalvaged(
  image: DamagedImage,
  file: AtomicFile,
  signal: AbortSignal,
): Promise<Salvaged> {
  const { salvage } = image;
  const streamId = randomBytes(16);
  const encoder = new PageStreamEncoder({ streamId, codec: pageCodec, chunks: { index: true } });
  let bytes = 0;
  const append = async (buffers: readonly Uint8Array[]) => {
    await file.append(buffers);
    for (const { byteLength } of buffers) bytes += byteLength;
  };
  const state = salvage.readState();
  await append(encoder.start(salvage.regions));
  await append(encoder.state(state ?? { kind: LOST_STATE_KIND, bytes: new Uint8Array() }));
  for await (const { region, firstPage, pageCount, bytes: pages } of salvagedPages(image, signal)) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await append(encoder.encodePages(region, [{ firstPage, pageCount, kind: 'data' }], pages));
  }
  const { lost } = salvage;
  for (const run of lost) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await append(encoder.encodePages(run.region, [asZeros(run)], new Uint8Array()));
  }
  await append(encoder.end());
  return {
    lost,
    stateLost: state === undefined,
    digestOfSource: salvage.digest,
    digest: formatDigest(encoder.totals.digest),
    streamId: streamId.toString('hex'),
    bytes,
  };
}

function asZeros({ firstPage, pageCount }: LostPages): PageRun {
  return { firstPage, pageCount, kind: 'zero' };
}

/** The report beside a salvaged image, as JSON: what of it is not the guest's memory. */
export function lostReport(
  source: string,
  regions: readonly RegionEntry[],
  { lost, stateLost, digestOfSource, streamId }: Salvaged,
): object {
  return {
    lostVersion: 1,
    source,
    streamId,
    digestOfSource,
    stateLost,
    lostPages: lost.reduce((sum, { pageCount }) => sum + pageCount, 0),
    regions: regions
      .filter(({ id }) => lost.some(({ region }) => region === id))
      .map(({ id, name, pageSize }) => ({
        id,
        name,
        pageSize,
        runs: lost
          .filter(({ region }) => region === id)
          .map(({ firstPage, pageCount }) => ({ firstPage, pageCount })),
      })),
  };
}
