import { PageStreamError } from './error.ts';
import type { AnnouncedLimits, PageSpan } from './frames.ts';
import { isPageSize } from './layout/region-table.ts';
import { MIN_PAYLOAD_BYTES } from './limits.ts';
import type { PageRun, RegionEntry } from './page-run.ts';

/**
 * `pagePayloadBytes` gives the smallest payload that holds one page. The mistakes of a caller throw RangeError; what the reader does not accept is STREAM_LIMIT, with `offset` bytes encoded so far.
 */
export function checkRegions(
  regions: readonly RegionEntry[],
  limits: AnnouncedLimits,
  offset: number,
  pagePayloadBytes: (pageSize: number) => number,
): void {
  const within = (value: number, name: keyof AnnouncedLimits, what: string) => {
    if (value <= limits[name]) return;
    throw new PageStreamError('STREAM_LIMIT', offset, `${what}: ${value} is above ${name}, ${limits[name]}`);
  };
  within(regions.length, 'maxRegions', 'regions');
  let bytes = 0;
  let pages = 0;
  for (const [position, { id, name, pageSize, sizeBytes }] of regions.entries()) {
    if (id !== position) throw new RangeError(`region ${id} (${name}) stands at position ${position}`);
    if (!isPageSize(pageSize)) throw new RangeError(`region ${id} (${name}): page size ${pageSize}`);
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0 || sizeBytes % pageSize !== 0) {
      throw new RangeError(`region ${id} (${name}): size ${sizeBytes} is no number of pages of ${pageSize}`);
    }
    within(pagePayloadBytes(pageSize), 'maxPayloadBytes', `region ${id} (${name}), one page`);
    bytes += sizeBytes;
    pages += sizeBytes / pageSize;
  }
  within(bytes, 'maxImageBytes', 'bytes of all regions');
  within(pages, 'maxPages', 'pages of all regions');
}

/** Spans lie within the region. RangeError otherwise. */
export function checkSpans(region: RegionEntry, spans: readonly PageSpan[]): void {
  const regionPages = region.sizeBytes / region.pageSize;
  for (const { firstPage, pageCount } of spans) {
    const whole = Number.isSafeInteger(firstPage) && Number.isSafeInteger(pageCount);
    if (!whole || firstPage < 0 || pageCount < 1 || firstPage > regionPages - pageCount) {
      throw new RangeError(
        `${pageCount} pages from page ${firstPage}: region ${region.id} (${region.name}) has ${regionPages} pages`,
      );
    }
  }
}

/** `bytes` are the pages of the data runs. RangeError otherwise. */
export function checkBytes(region: RegionEntry, runs: readonly PageRun[], bytes: Uint8Array): void {
  let dataPages = 0;
  for (const { pageCount, kind } of runs) if (kind === 'data') dataPages += pageCount;
  if (bytes.byteLength !== dataPages * region.pageSize) {
    throw new RangeError(
      `${bytes.byteLength} bytes for ${dataPages} data pages of ${region.pageSize} bytes in region ${region.id}`,
    );
  }
}

/** What the encoder keeps to: the limits of the format, and below them those that the reader announced. */
export function commonLimits(format: AnnouncedLimits, reader: AnnouncedLimits): AnnouncedLimits {
  const limits = {
    maxPayloadBytes: Math.min(format.maxPayloadBytes, reader.maxPayloadBytes),
    maxRegions: Math.min(format.maxRegions, reader.maxRegions),
    maxPages: Math.min(format.maxPages, reader.maxPages),
    maxImageBytes: Math.min(format.maxImageBytes, reader.maxImageBytes),
    maxStateBytes: Math.min(format.maxStateBytes, reader.maxStateBytes),
  };
  if (!(limits.maxPayloadBytes >= MIN_PAYLOAD_BYTES) || limits.maxPayloadBytes % 8 !== 0) {
    throw new RangeError(`maxPayloadBytes is ${limits.maxPayloadBytes}; at least ${MIN_PAYLOAD_BYTES}, by 8`);
  }
  return limits;
}
