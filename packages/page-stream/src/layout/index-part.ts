import type { Payload } from '../payload.ts';
import { setU64 } from '../u64.ts';

export const INDEX_HEAD_BYTES = 16;
export const INDEX_ENTRY_BYTES = 24;
export const INDEX_TAIL_BYTES = 16;

/** "SFINDEX1" */
const MAGIC = [0x4e494653, 0x31584544] as const;

/** Pages and the frame that holds them. */
export interface IndexEntry {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
  readonly frameOffset: number;
}

/** The entries of a payload, as many as fit into it. */
export function partEntries(maxPayloadBytes: number): number {
  return Math.floor((maxPayloadBytes - INDEX_HEAD_BYTES - INDEX_TAIL_BYTES) / INDEX_ENTRY_BYTES);
}

/** Where entries come from: `each` is called for those from `from` to `to`, in order. */
export interface IndexEntries {
  visit(
    from: number,
    to: number,
    each: (region: number, firstPage: number, pageCount: number, frameOffset: number) => void,
  ): void;
}

/** Part `part`, with the entries from `from` to `to`. */
export function writeIndexPart(
  part: number,
  partCount: number,
  entries: IndexEntries,
  { from, to, indexStart }: { readonly from: number; readonly to: number; readonly indexStart: number },
): Uint8Array {
  const tail = INDEX_HEAD_BYTES + INDEX_ENTRY_BYTES * (to - from);
  const bytes = new Uint8Array(tail + INDEX_TAIL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, part, true);
  view.setUint32(4, partCount, true);
  view.setUint32(8, to - from, true);
  let at = INDEX_HEAD_BYTES;
  entries.visit(from, to, (region, firstPage, pageCount, frameOffset) => {
    view.setUint32(at, region, true);
    view.setUint32(at + 4, pageCount, true);
    setU64(view, at + 8, firstPage);
    setU64(view, at + 16, frameOffset);
    at += INDEX_ENTRY_BYTES;
  });
  setU64(view, tail, indexStart);
  view.setUint32(tail + 8, MAGIC[0], true);
  view.setUint32(tail + 12, MAGIC[1], true);
  return bytes;
}

/** The index start from the last INDEX_TAIL_BYTES of a payload; undefined when these are not the end of an index. */
export function readIndexTail(tail: Uint8Array): number | undefined {
  if (tail.length !== INDEX_TAIL_BYTES) return undefined;
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  if (view.getUint32(8, true) !== MAGIC[0] || view.getUint32(12, true) !== MAGIC[1]) return undefined;
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}

/** Throws PageStreamError when the layout is not right; whether the entries are is another matter. */
export function readIndexPart(payload: Payload): { part: number; partCount: number; entries: IndexEntry[] } {
  payload.expectAtLeast(INDEX_HEAD_BYTES + INDEX_TAIL_BYTES);
  const count = payload.u32(8);
  payload.reserved(12, 16);
  payload.expectLength(INDEX_HEAD_BYTES + INDEX_ENTRY_BYTES * count + INDEX_TAIL_BYTES);
  const entries: IndexEntry[] = [];
  for (let index = 0; index < count; index++) {
    const at = INDEX_HEAD_BYTES + INDEX_ENTRY_BYTES * index;
    entries.push({
      region: payload.u32(at),
      pageCount: payload.u32(at + 4),
      firstPage: payload.u64(at + 8),
      frameOffset: payload.u64(at + 16),
    });
  }
  return { part: payload.u32(0), partCount: payload.u32(4), entries };
}
