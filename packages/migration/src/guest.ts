import type { PageRun } from '@stillframe/page-stream';
import type { GuestState, Region } from '@stillframe/snapshot';

/** Pages of one region that follow each other. `firstPage` and `pageCount` are in pages of that region. */
export interface DirtyRun {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

/**
 * Knows which pages the guest has written. Counts from the moment `MovingGuest.track` resolved.
 *
 * A page that is written while it is collected is reported now or by the next call, or by both; never by none. A page whose owner threw its
 * content away counts as written.
 */
export interface Tracker {
  /** What was written since the last call (since tracking began, at the first); those pages are clean again. May let the event loop go on
   *  in between, except while the guest is paused, when it should be quick. Runs of one region ascend and do not overlap. */
  collect(): DirtyRun[] | Promise<DirtyRun[]>;
  /** How many pages `collect` would report, which stay as they are. For estimates; may be a little behind. */
  count(): number | Promise<number>;
  /**
   * Holds writers at their first write to a page for `delayUs`, for at most the share `maxShare` of time; until `close`. The first call comes
   * while the guest is paused. Absent when writers cannot be slowed.
   */
  slow?(brake: { readonly delayUs: number; readonly maxShare: number }): Promise<void>;
  /** Ends tracking; the guest writes at full speed again. Idempotent. */
  close(): Promise<void>;
}

/**
 * A guest at the source of a migration: it owns its memory until `release`.
 *
 * Ordering: `track` → (`readPages`, `collect`)… → `pause` → `collect` → `readPages`… and `saveState` → then either `resume` (the guest stays
 * here) or `release` (the destination has it). The driver calls exactly one of the two last, after any failure too (I-4, I-5); neither
 * when nobody can know who owns the memory: then the guest stays paused and complete, until somebody decides.
 */
export interface MovingGuest {
  /** Fixed while the migration runs; memory that grows makes the next call fail. */
  readonly regions: readonly Region[];
  /** Brings every writer to rest. Idempotent. */
  pause(): Promise<void>;
  /** Once paused: for how long writers have been at rest, in milliseconds, where that is less than since `pause` was called. Without it the
   *  downtime counts from that call. */
  restingMs?(): number;
  /** Lets writers go on here. Idempotent. */
  resume(): Promise<void>;
  /** Everything that is not memory. Called while paused. The bytes are a copy. */
  saveState(): Promise<GuestState>;
  /** Starts tracking writes, while the guest runs. Called at most once at a time. Post-copy alone does not call it. */
  track(): Promise<Tracker>;
  /** Copies `into.length` bytes, whole pages, from page `firstPage` on; the guest may be writing to them meanwhile. */
  readPages(region: number, firstPage: number, into: Uint8Array): void | Promise<void>;
  /**
   * Answers, in a thread of its own, who asks for single pages on `connection` (FORMAT.md, "Lanes of faults"); says `greeting` first. Undefined,
   * or absent, when that cannot be had: then pages are asked for in frames. The descriptor is taken over in any case.
   */
  answerFaults?(connection: number, greeting: Uint8Array): FaultAnswers | undefined;
  /**
   * For a guest that outlives this process: from now on it does not go on here by itself, whatever becomes of us. Called while paused, before
   * anybody else may run it; `resume` may still follow. When it rejects, the guest stays here.
   */
  relinquish?(): Promise<void>;
  /** The destination owns the memory and needs nothing more from here: stop being the owner and give everything up. Idempotent. */
  release(): Promise<void>;
}

/**
 * The receiving side: a guest that is being put together. It does not run before `start`.
 *
 * Ordering: `allocate` → `writePages`… (a page may come again: the later one counts) → `loadState` → `start`; or `discard` at any time
 * before `start`. In post-copy `lazy` comes after `allocate`, `start` before all pages have come, and `pause`/`resume` may follow.
 */
export interface MovingTarget {
  /** Makes room; throws when it cannot be had. Memory reads as zeros. Sizes are within the limits the destination announced. */
  allocate(regions: readonly Region[]): Promise<void>;
  /** `bytes` holds the content of the data runs, packed in the order of `runs`; on loan until the promise resolves. Zero runs become zeros. */
  writePages(region: number, runs: readonly PageRun[], bytes: Uint8Array): void | Promise<void>;
  /** Checks and takes the state; throws when the guest cannot be started from it. Nothing runs yet. `state.bytes` stay the target's. */
  loadState(state: GuestState): Promise<void>;
  /** The guest runs here from now on. Called once, after this side has become the owner. */
  start(): Promise<void>;
  /** Brings the started guest to rest: when the link breaks after a post-copy hand-over. Idempotent. */
  pause(): Promise<void>;
  /** Lets it go on. Idempotent. */
  resume(): Promise<void>;
  /** Gives up everything received. Idempotent; never called once `start` was. */
  discard(): Promise<void>;
  /**
   * Post-copy: these pages are missing from now on. Whatever they hold is thrown away, and who touches one waits until it is installed;
   * `writePages` is not called any more. Called before `start`, after everything else has come. Absent when the target cannot do that.
   */
  lazy?(missing: readonly DirtyRun[]): LazyMemory | Promise<LazyMemory>;
}

/** A lane of faults, at the source. */
export interface FaultAnswers {
  /** Pages and bytes that went this way. */
  readonly pages: number;
  readonly bytes: number;
  /** The guest stands still: answers are given from now on. Idempotent. */
  serve(): void;
  /** Nothing is read or said any more when it returns. Idempotent. */
  close(): void;
}

/** Pages that somebody waits for, or that are worth having soon. */
export interface MissingPages {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
}

/** A page that came on a lane of faults. */
export interface ArrivedPage {
  readonly region: number;
  readonly page: number;
  /** Of its bytes as they came. */
  readonly crc32c: number;
}

/** From a touch of a page that was missing until it was there, in microseconds. All 0 when there was none. */
export interface FaultWaitUs {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/**
 * Memory that fills on touch; `PageFiller` of `@stillframe/uffd` is nearly one. Only the destination of a post-copy needs it.
 *
 * Whoever touches memory must not be the thread that fills it.
 */
export interface LazyMemory {
  /**
   * From now on asks for pages that somebody waits for on this connection itself, whose other end is `MovingGuest.answerFaults`: they are not
   * requested, unless it breaks. The descriptor is taken over. Absent when there is no thread for it.
   */
  askOn?(connection: number): void;
  /** Pages that came on that connection and are in, each once. One that was not noted may be installed again. With `askOn`. */
  takeArrivals?(): readonly ArrivedPage[];
  /** Up to `max` requests, those that somebody waits for first; each is given once. Never blocks. */
  takeRequests(max: number): readonly MissingPages[];
  /** Resolves when there are requests, or when closed. May resolve early. */
  wait(): Promise<void>;
  /** Puts whole pages in, and wakes who waits for them. Pages that are there already stay as they are. `bytes` may be reused afterwards. */
  install(region: number, firstPage: number, bytes: Uint8Array): unknown;
  installZero(region: number, firstPage: number, pageCount: number): unknown;
  /** How long those who touched missing memory have waited so far. Absent when nobody measures. Not after `close`. */
  stats?(): FaultWaitUs;
  /** Every page is there: ordinary memory from now on. With pages missing, who waits for them fails; it never sleeps on. Idempotent. */
  close(): void | Promise<void>;
}
