import type { PageRun, PageSpan } from '@stillframe/page-stream';

/** One contiguous, page-aligned range of guest memory. */
export interface Region {
  /** Position in `Guest.regions`; the id used on the wire. */
  readonly id: number;
  readonly name: string;
  readonly sizeBytes: number;
  /** Bytes in one page: the unit of arming and of page indices. A power of two, 4096 or more. */
  readonly pageSize: number;
}

/** What is not memory, as of the cut. `kind` names its owner and version, e.g. `workload/counter@1`; only the owner reads the bytes. */
export interface GuestState {
  readonly kind: string;
  /** A copy: streamed after the guest has resumed, so nothing may change it any more. */
  readonly bytes: Uint8Array;
}

/**
 * Captured pages of one region, on loan.
 *
 * `bytes` holds the content of the data runs, packed in the order of `runs`; runs of kind `zero` have no bytes (memory that was
 * never touched). Runs of one slab may come in any order; no page comes twice. The views are valid until `release()`, which gives the
 * memory back to the pre-image store and, in inline mode, lets the page's writers go on; call it exactly once, after the sink has taken
 * the bytes.
 */
export interface Slab {
  readonly region: number;
  readonly runs: readonly PageRun[];
  readonly bytes: Uint8Array;
  readonly cause: 'fault' | 'sweep';
  /** When the first page of the slab was captured: CLOCK_MONOTONIC nanoseconds. Its other pages were captured then or later. */
  readonly heldSinceNs: number;
  release(): void;
}

/** A cumulative log-linear histogram of nanoseconds; `counts[i]` belongs to the bucket that `waitBucketFloorNs(i)` starts. */
export type WaitCounts = Float64Array;

/** Numbers since arming, read from a block that native threads update; never blocks. Times are CLOCK_MONOTONIC nanoseconds. */
export interface CaptureStats {
  readonly pages: number;
  readonly capturedPages: number;
  readonly faultPages: number;
  readonly sweptPages: number;
  /** Fault events read, including repeats of the same page. */
  readonly faults: number;
  /** When the newest fault event was read; 0 when there was none. */
  readonly lastFaultReadNs: number;
  /** From the event read to the release of its writer. */
  readonly faultWait: WaitCounts;
  readonly faultWaitMaxNs: number;
  readonly preImageBytes: number;
  readonly preImageBytesMax: number;
  readonly spilledBytesMax: number;
  /** Pages that the guest threw away before they were captured, or while: not those of the cut. */
  readonly lostPages: number;
}

/**
 * Names a cut of a guest that notes from it on which pages change (`CaptureOptions.notesChanges`). Opaque, and of this guest object
 * only: no two cuts of it have the same.
 */
export type CutMark = object;

/** Pages of one region that are as at an earlier cut. Spans are in order and do not overlap. */
export interface UnchangedPages {
  readonly region: number;
  readonly spans: readonly PageSpan[];
}

/** An open capture: pages are prepared, `arm()` makes the cut. */
export interface Capture {
  /** Pages that `pull` gives. With `Guest.regionsAtCut` or `CaptureOptions.changedSince`, final from `arm` on. */
  readonly pageCount: number;
  /** From `arm` on, when changes are noted from this cut on: what `CaptureOptions.changedSince` of a later capture names it by. */
  readonly mark?: CutMark | undefined;
  /**
   * From `arm` on, with `CaptureOptions.changedSince`: the pages that are certainly as at that cut, whose regions were the same. They are
   * not captured, not in `pageCount`, and never pulled. Undefined when the guest cannot tell (not any more, or its regions are others
   * now): then every page is captured.
   */
  readonly unchanged?: readonly UnchangedPages[] | undefined;
  /** Write-protects every page. The cut. Called once, while the guest is paused. */
  arm(): void;
  /**
   * Up to `maxSlabs` filled slabs of the store, faults before sweep; one that holds pages of several regions comes as several here.
   * Never blocks; empty when nothing is ready, also before `arm`. Throws the capture's failure; `pull(0)` only asks for that.
   */
  pull(maxSlabs: number): Slab[];
  /** Resolves when `pull` would return or throw something, all pages are captured, or the capture is closed; at `untilNs` or when
   *  `signal` aborts at the latest, or when a fault arrives if `wakeOnFault`. May resolve early; never rejects for these reasons. */
  wait(options?: { untilNs?: number; wakeOnFault?: boolean; signal?: AbortSignal }): Promise<void>;
  /** After `arm`. Lets the sweep capture up to `pages` more, not before `notBeforeNs`. Replaces what is left of the previous grant.
   *  Memory that was never touched has no bytes: its pages are not charged, except in inline mode. */
  grant(pages: number, notBeforeNs: number): void;
  /** Not after `close`. `faultWait` may be refilled by the next call. */
  stats(): CaptureStats;
  /**
   * Disarms everything, wakes every waiter, joins every thread. Idempotent, at any stage; never waits for slabs on loan. Their bytes
   * stay readable until their `release()`, because a sink may still be writing them; the store goes with the last of them. Rejects with
   * the capture's failure if `pull` has not thrown it: only now is it sure that the last pages were those of the cut.
   */
  close(): Promise<void>;
}

/** What a capture costs and what it does when the store is full. */
export interface CaptureOptions {
  /** Bound on the memory that holds pre-images, in bytes. 0, only with `stall`: inline mode, the seed's single-thread behaviour. */
  readonly preImagesMaxBytes: number;
  /** Store full: `spill` to an unlinked temporary file, `stall` the writers until the sink has drained, `abort` the snapshot. */
  readonly overflow: 'spill' | 'stall' | 'abort';
  /**
   * The guest throws pages away after the cut that are not captured yet, when nobody can read them any more: `fail` the snapshot, or let
   * them be `zero` in the image and counted in `lostPages`. `fail` when not given.
   */
  readonly discarded?: 'fail' | 'zero';
  /**
   * Goes on after the capture: from the cut on the guest notes which pages change, so that a later capture can leave out the others. Ends with the next
   * `arm` (which may begin it anew) and with the guest. A guest that cannot, ignores it, and its capture has no `mark`.
   */
  readonly notesChanges?: boolean;
  /**
   * Captures only the pages that may have changed since that cut. What is left out is in `Capture.unchanged`; a guest that cannot tell captures
   * every page.
   */
  readonly changedSince?: CutMark;
}

/** The owner of memory to be pictured. Implementations pass the compliance suite in `@stillframe/snapshot/compliance`. */
export interface Guest {
  /** With `regionsAtCut`: what they are now, and from `Capture.arm` on what the image has. */
  readonly regions: readonly Region[];
  /** The owner maps and unmaps while it runs: its regions are known only at the cut, and so the stream begins after it. */
  readonly regionsAtCut?: true;
  /** Brings every writer to rest. Idempotent. */
  pause(): Promise<void>;
  /** Lets writers go on. Idempotent; always called after `pause`, on every path (I-4). */
  resume(): Promise<void>;
  /** Everything that is not memory, at the cut. Called between `pause` and `resume`. */
  saveState(): Promise<GuestState>;
  /**
   * Allocates, registers and touches all that a capture needs. Called right before `pause`, so its cost is not a pause. It may protect
   * memory ahead of the cut; a write that meets that is let through at once.
   */
  open(options: CaptureOptions): Promise<Capture>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The receiving mirror of `Guest`. Nothing it holds is believed before `commit`. */
export interface Target {
  /**
   * Makes room for the regions; throws when they cannot be had. Sizes are already bounded by the stream's limits. `streamId` is the
   * 16 bytes that tell this image from others, for targets that store the image again.
   */
  allocate(regions: readonly Region[], streamId: Uint8Array): Promise<void>;
  /** `bytes` is valid only until the promise resolves. */
  writeState(state: GuestState): Promise<void>;
  /** Writes captured pages; `bytes` is packed as in `Slab`, valid only until the promise resolves. Zero runs may be left as holes. */
  writePages(region: number, runs: readonly PageRun[], bytes: Uint8Array): Promise<void>;
  /**
   * For a target that stores the stream as it came: each frame of the image, header and payload, in order, checked, and valid only until
   * the promise resolves. A target that has it is not given state and pages besides.
   */
  writeFrame?(frame: Uint8Array): Promise<void>;
  /**
   * Fills `pages` with what was written before, from page `firstPage` on, with zeros where nothing was. Synchronous. Who cannot read back
   * leaves it out, and then takes neither pages that are the same as earlier ones nor a chain of increments.
   */
  readPages?(region: number, firstPage: number, pages: Uint8Array): void;
  /** The stream was complete and its digest matched: make it durable and put it under its final name (I-7). */
  commit(): Promise<void>;
  /** Drops everything received. Idempotent; after `commit` it does nothing. */
  discard(): Promise<void>;
}
