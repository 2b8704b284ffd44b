import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { memoryGuest } from '@stillframe/guests/memory';
import { none } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { openImage, type ParentImage, SeriesAccount } from '@stillframe/page-stream';
import { type CutMark, type Guest, type SnapshotSummary, takeSnapshot } from '@stillframe/snapshot';
import { openFileSink } from '../../../../apps/migrate/src/io/file-sink.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import type { Addon } from './addon.ts';
import { mapGuest } from './guest-memory.ts';

const PAGE_BYTES = 4096;

export interface IncrementRequest {
  readonly bytes: number;
  /** Of the pages, evenly spread. */
  readonly changedShare: number;
  /** Where the images go: PATH and PATH.1. */
  readonly path: string;
  /** Changes are noted by the guest; otherwise every page is compared with the parent. */
  readonly isNoted: boolean;
}

/** A full image, then some pages are written over, then an increment. Times are of everything, the opening of the parent included. */
export async function runIncrement(addon: Addon, request: IncrementRequest): Promise<object> {
  const { bytes, changedShare, path, isNoted } = request;
  const memory = mapGuest(addon, bytes, 'base');
  await using guest = memoryGuest({ regions: [{ name: 'memory', memory }] });
  const account = isNoted ? new SeriesAccount() : undefined;
  const full = await timed(() => take(guest, path, { notesChanges: isNoted }, { account }));
  const view = new Uint8Array(memory.buffer);
  const step = Math.round(1 / changedShare);
  for (let page = 0; page < bytes / PAGE_BYTES; page += step) {
    crypto.getRandomValues(view.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
  }
  const increment = await timed(async () => {
    using parent = openStored(path, isNoted);
    const { mark } = full.result;
    const since = mark === undefined ? {} : { changedSince: mark, notesChanges: true };
    return await take(guest, `${path}.1`, since, { account, parent: parent.image });
  });
  return {
    fullMs: full.ms,
    fullBytes: full.result.bytes,
    incrementMs: increment.ms,
    incrementBytes: increment.result.bytes,
    inheritedPages: increment.result.packing.inheritedPages,
    prepareMs: increment.result.prepareMs,
    pauseMs: increment.result.pauseMs,
    streamMs: increment.result.streamMs,
  };
}

async function take(
  guest: Guest,
  path: string,
  noting: { readonly notesChanges?: boolean; readonly changedSince?: CutMark },
  {
    account,
    parent,
  }: { readonly account: SeriesAccount | undefined; readonly parent?: ParentImage | undefined },
): Promise<SnapshotSummary> {
  return await takeSnapshot({
    guest,
    sink: await openFileSink(path),
    limiter: none(),
    codec: pageCodec,
    capture: { ...DEFAULT_CAPTURE, ...noting },
    chunks: {
      index: true,
      ...(account === undefined ? {} : { account }),
      ...(parent === undefined ? {} : { parent }),
    },
  }).result;
}

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const startMs = performance.now();
  const result = await work();
  return { ms: performance.now() - startMs, result };
}

/** As a series opens the image that it has just written; others are checked. */
function openStored(path: string, isTrusted: boolean): Disposable & { readonly image: ParentImage } {
  const fd = openSync(path, 'r');
  const readAt = (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
  };
  const image = openImage(readAt, { sizeBytes: fstatSync(fd).size, codec: pageCodec, isTrusted });
  return { image, [Symbol.dispose]: () => closeSync(fd) };
}
