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
/** An odd number after the first one, so that there is one in the middle. */
const INCREMENTS = 4;

export interface IncrementRequest {
  readonly bytes: number;
  /** Of the pages, evenly spread. */
  readonly changedShare: number;
  /** Where the images go: PATH, and PATH.1 to PATH.4. */
  readonly path: string;
  /** Changes are noted by the guest; otherwise every page is compared with the parent. */
  readonly isNoted: boolean;
}

/**
 * A full image, then some pages are written over, then an increment, and again, each of the one before. Times are of everything, the opening
 * of the parent included. The first increment of a process runs code that was never run before, so it is told apart.
 */
export async function runIncrement(addon: Addon, request: IncrementRequest): Promise<object> {
  const { bytes, changedShare, path, isNoted } = request;
  const memory = mapGuest(addon, bytes, 'base');
  await using guest = memoryGuest({ regions: [{ name: 'memory', memory }] });
  const view = new Uint8Array(memory.buffer);
  const account = isNoted ? new SeriesAccount() : undefined;
  const full = await timed(() => take(guest, path, { notesChanges: isNoted }, { account }));
  const increments: { readonly ms: number; readonly result: SnapshotSummary }[] = [];
  let { mark } = full.result;
  let below: string = path;
  for (let number = 1; number <= (isNoted ? INCREMENTS : 1); number++) {
    writePages(view, changedShare, number);
    const since = mark === undefined ? {} : { changedSince: mark, notesChanges: true };
    const out = `${path}.${number}`;
    const taking = timed(async () => {
      using parent = openStored(below, isNoted);
      return await take(guest, out, since, { account, parent: parent.image });
    });
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const increment = await taking;
    increments.push(increment);
    mark = increment.result.mark;
    below = out;
  }
  const [first, ...later] = increments;
  const typical = later.toSorted((a, b) => a.ms - b.ms)[Math.floor(later.length / 2)] ?? first!;
  return {
    fullMs: full.ms,
    fullBytes: full.result.bytes,
    firstIncrementMs: first!.ms,
    incrementMs: typical.ms,
    incrementBytes: typical.result.bytes,
    inheritedPages: typical.result.packing.inheritedPages,
    prepareMs: typical.result.prepareMs,
    pauseMs: typical.result.pauseMs,
    streamMs: typical.result.streamMs,
  };
}

/** Evenly spread, other ones each time. */
function writePages(memory: Uint8Array, share: number, number: number): void {
  const step = Math.round(1 / share);
  for (let page = number % step; page < memory.byteLength / PAGE_BYTES; page += step) {
    crypto.getRandomValues(memory.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
  }
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
