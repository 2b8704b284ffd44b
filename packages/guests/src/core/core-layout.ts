import { type ProcessState, type StateRegion } from '../process/state.ts';
import { type AddressRange, byStart, firstEndingAfter } from '../process/ranges.ts';
import { headersBytes, type ProgramHeader, PT_LOAD, PT_NOTE, writeHeaders } from './elf.ts';
import { CoreError } from './error.ts';
import { coreNotes, writeNotes } from './notes.ts';
import { coreSegments, type Segment } from './segments.ts';

/** Part of a region: its pages from `firstPage` on are in the file one after the other. */
export interface FileSpan {
  readonly firstPage: number;
  readonly pageCount: number;
  readonly fileOffset: number;
}

/** Where everything of a core file is. */
export interface CoreLayout {
  /** The beginning of the file: ELF header, program headers, notes, zeros up to the first segment. */
  readonly head: Uint8Array;
  /** By region id, in ascending order of pages: all of its pages are in the spans. */
  readonly spans: readonly (readonly FileSpan[])[];
  readonly sizeBytes: number;
  readonly segmentCount: number;
}

/** A segment that has its content in the file. */
interface PlacedSegment extends AddressRange {
  readonly fileOffset: number;
}

/**
 * The layout of the ELF core file of a process; elf(5), core(5). Pages that the image does not have are holes of the file.
 *
 * @throws CoreError CORE_REGION_UNMAPPED, CORE_TOO_LARGE, CORE_TOO_MANY_SEGMENTS.
 */
export function coreLayout(state: ProcessState): CoreLayout {
  const ranges = state.regions.map(toRange).toSorted(byStart);
  const segments = coreSegments(state.mappings, ranges);
  const notes = writeNotes(coreNotes(state));
  const notesAt = headersBytes(segments.length + 1);
  const dataAt = roundUp(notesAt + notes.length, state.pageSize);
  const placed = placeSegments(segments, dataAt);
  const headers = [
    noteHeader(notesAt, notes.length),
    ...loadHeaders(segments, placed, dataAt, state.pageSize),
  ];
  const head = new Uint8Array(dataAt);
  head.set(writeHeaders(state.arch, headers));
  head.set(notes, notesAt);
  const last = placed.at(-1);
  return {
    head,
    spans: state.regions.map((region) => spansOf(region, placed)),
    sizeBytes: last === undefined ? dataAt : last.fileOffset + Number(last.end - last.start),
    segmentCount: segments.length,
  };
}

function placeSegments(segments: readonly Segment[], dataAt: number): PlacedSegment[] {
  const placed: PlacedSegment[] = [];
  let fileOffset = dataAt;
  for (const { start, end, hasBytes } of segments) {
    if (!hasBytes) continue;
    placed.push({ start, end, fileOffset });
    fileOffset += Number(end - start);
    // Sizes are multiples of pages, so up to here the sum was exact.
    if (!Number.isSafeInteger(fileOffset)) {
      throw new CoreError(
        'CORE_TOO_LARGE',
        `the core file would have more than ${Number.MAX_SAFE_INTEGER} bytes`,
      );
    }
  }
  return placed;
}

function noteHeader(offset: number, fileBytes: number): ProgramHeader {
  return { type: PT_NOTE, flags: 0, offset, address: 0n, fileBytes, memoryBytes: 0n, alignment: 4 };
}

/** A segment without content stands where the one before it ends. */
function loadHeaders(
  segments: readonly Segment[],
  placed: readonly PlacedSegment[],
  dataAt: number,
  alignment: number,
): ProgramHeader[] {
  let offset = dataAt;
  let next = 0;
  return segments.map(({ start, end, flags, hasBytes }) => {
    const memoryBytes = end - start;
    const fileBytes = hasBytes ? Number(memoryBytes) : 0;
    if (hasBytes) offset = placed[next++]!.fileOffset;
    const header = { type: PT_LOAD, flags, offset, address: start, fileBytes, memoryBytes, alignment };
    offset += fileBytes;
    return header;
  });
}

function spansOf(region: StateRegion, placed: readonly PlacedSegment[]): FileSpan[] {
  const { start, end } = toRange(region);
  const spans: FileSpan[] = [];
  for (let at = firstEndingAfter(placed, start); at < placed.length; at++) {
    const segment = placed[at]!;
    if (segment.start >= end) break;
    const from = segment.start > start ? segment.start : start;
    const to = segment.end < end ? segment.end : end;
    const firstPage = Number(from - start) / region.pageSize;
    const pageCount = Number(to - from) / region.pageSize;
    if (!Number.isInteger(firstPage) || !Number.isInteger(pageCount)) {
      throw new CoreError('CORE_REGION_UNMAPPED', `a page at 0x${from.toString(16)} is in two mappings`);
    }
    spans.push({
      firstPage,
      pageCount,
      fileOffset: segment.fileOffset + Number(from - segment.start),
    });
  }
  return spans;
}

function toRange({ address, sizeBytes }: StateRegion): AddressRange {
  return { start: address, end: address + BigInt(sizeBytes) };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
