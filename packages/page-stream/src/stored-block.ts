import { FRAME_HEADER_BYTES } from './frame-header.ts';
import type { StoredTable } from './stored-tables.ts';
import { pad8 } from './u64.ts';

/** Pages that lie in a `StoredBlock` as they are. */
export interface StoredExtent {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
  /** Where they begin within the block, in bytes; `zero`: they are zeros. */
  readonly offsetBytes: number | 'zero';
}

/** A piece of a stored image that has one checksum, and pages that are not packed in any way. */
export interface StoredBlock {
  /** From the start of the image, in bytes. */
  readonly fileOffset: number;
  /** 0 when there are only zeros. */
  readonly sizeBytes: number;
  /** CRC32C of the block. */
  readonly crc32c: number;
  readonly extents: readonly StoredExtent[];
}

/** What of a frame can be read without unpacking anything, and without any other frame. */
export function blocksOf(stored: StoredTable): StoredBlock[] {
  const payloadStart = stored.header.offset + FRAME_HEADER_BYTES;
  const region = stored.table.region.id;
  const { pageSize } = stored.table.region;
  if (stored.type === 'pages') {
    let at = stored.table.dataStart;
    const extents = stored.table.runs.map(({ kind, firstPage, pageCount }): StoredExtent => {
      if (kind === 'zero') return { region, firstPage, pageCount, offsetBytes: 'zero' };
      const extent = { region, firstPage, pageCount, offsetBytes: at };
      at += pageCount * pageSize;
      return extent;
    });
    const { payloadBytes, payloadCrc } = stored.header;
    return [{ fileOffset: payloadStart, sizeBytes: payloadBytes, crc32c: payloadCrc, extents }];
  }
  const blocks: StoredBlock[] = [];
  let at = payloadStart + stored.table.dataStart;
  for (const { kind, firstPage, pageCount, storedBytes, storedCrc } of stored.table.runs) {
    const extent = { region, firstPage, pageCount };
    if (kind === 'zero') {
      const extents: StoredExtent[] = [{ ...extent, offsetBytes: 'zero' }];
      blocks.push({ fileOffset: at, sizeBytes: 0, crc32c: 0, extents });
    } else if (kind === 'data') {
      const extents = [{ ...extent, offsetBytes: 0 }];
      blocks.push({ fileOffset: at, sizeBytes: storedBytes, crc32c: storedCrc, extents });
    }
    at += pad8(storedBytes);
  }
  return blocks;
}
