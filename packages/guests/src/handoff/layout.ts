import type { RegionEntry } from '@stillframe/page-stream';
import type { ForeignView } from '@stillframe/uffd';
import { HandoffError } from './error.ts';
import type { HandoffMapping } from './mappings.ts';

/** What mappings show of an image. */
export interface HandoffLayout {
  /** Bytes in a page of the memory, for every region. */
  readonly pageSize: number;
  readonly regions: readonly { readonly sizeBytes: number; readonly fileOffset: number }[];
  readonly views: readonly ForeignView[];
}

/** Mappings may show parts of regions, and more than one. @throws HandoffError HANDOFF_LAYOUT */
export function layOut(mappings: readonly HandoffMapping[], regions: readonly RegionEntry[]): HandoffLayout {
  const { pageSize } = mappings[0]!;
  if (mappings.some((mapping) => mapping.pageSize !== pageSize)) {
    throw new HandoffError(
      'HANDOFF_LAYOUT',
      'the mappings have pages of different sizes',
      'One size for all',
    );
  }
  const placed: { sizeBytes: number; fileOffset: number }[] = [];
  let end = 0;
  for (const { name, sizeBytes, pageSize: imagePage } of regions) {
    if (pageSize % imagePage !== 0 || sizeBytes % pageSize !== 0) {
      throw new HandoffError(
        'HANDOFF_LAYOUT',
        `region ${name} of ${sizeBytes} bytes in pages of ${imagePage} cannot fill pages of ${pageSize}`,
        'Give the machine the kind of pages that it had',
      );
    }
    placed.push({ sizeBytes, fileOffset: end });
    end += sizeBytes;
  }
  const views: ForeignView[] = [];
  for (const { address, sizeBytes, offset } of mappings) {
    if (offset > end - sizeBytes) {
      throw new HandoffError(
        'HANDOFF_LAYOUT',
        `a mapping shows bytes ${offset} to ${offset + sizeBytes} of an image of ${end}`,
        'Is it the image of this machine?',
      );
    }
    for (const [region, { fileOffset, sizeBytes: regionBytes }] of placed.entries()) {
      const from = Math.max(offset, fileOffset);
      const to = Math.min(offset + sizeBytes, fileOffset + regionBytes);
      if (from >= to) continue;
      views.push({
        address: address + BigInt(from - offset),
        sizeBytes: to - from,
        region,
        firstPage: (from - fileOffset) / pageSize,
      });
    }
  }
  return { pageSize, regions: placed, views };
}
