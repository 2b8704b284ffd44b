import {
  type DirtyRun,
  DirtyTracker,
  type EngineRegion,
  TrackError,
  type Userfaultfd,
} from '@stillframe/uffd';
import { Attachment, type AttachmentOptions } from '../process/attachment.ts';
import type { CapturePlan } from '../process/capture-plan.ts';
import { FILTER_DEFAULT, type FilterName, filterMask } from '../process/dump-filter.ts';
import { ProcessGuestError } from '../process/error.ts';
import type { Mapping } from '../process/mapping.ts';
import { ProcDirectory } from '../process/proc-directory.ts';
import { engineRegions } from '../process/process-cut.ts';
import { tellSharing } from '../process/process-guest.ts';
import { ProcessView } from '../process/process-view.ts';
import { firstEndingAfter, totalBytes } from '../process/ranges.ts';
import { Registration } from '../process/registration.ts';
import { parseStat } from '../process/stat.ts';
import { checkTarget } from '../process/target-check.ts';

export interface TrackProcessOptions extends AttachmentOptions {
  readonly pid: number;
  /** Which kinds of memory. Default as for pictures, see `ProcessGuestOptions`. */
  readonly filter?: readonly FilterName[];
  /** Memory that its owner excluded from core files (MADV_DONTDUMP) too. Default false. */
  readonly includeDontDump?: boolean;
}

/** Pages that were written, and where they are. */
export interface DirtyRange {
  /** Address of the first page in the process. */
  readonly start: bigint;
  readonly pageCount: number;
  readonly pageSize: number;
  /** Address of the mapping that they are in, and what is mapped there; empty for memory without a name. */
  readonly mapping: { readonly start: bigint; readonly path: string };
}

/** What is left at a look of memory that cannot be armed is not bounded: it is not copied. */
const NO_BOUND = Number.MAX_SAFE_INTEGER;

/** A process that unmaps memory between each look and its collection, so often in a row, is beyond being watched. */
const LOOKS_MAX = 10;

/**
 * Tracks writes to the memory of another process from the moment that it resolves. The process stands still once, for as long as it takes to
 * make a userfaultfd inside it; from then on nobody of it ever waits: the kernel notes its writes by itself.
 *
 * @throws TrackError TRACK_UNSUPPORTED before Linux 6.7. @throws ProcessGuestError, TraceError as `processGuest`.
 */
export async function trackProcess(options: TrackProcessOptions): Promise<ProcessTracker> {
  const { pid, filter = FILTER_DEFAULT, includeDontDump = false } = options;
  filterMask(filter);
  if (DirtyTracker.bestKind() !== 'async') {
    // A thread that ends writes to its memory in a way that cannot wait, see exit-writes.ts.
    throw new TrackError(
      'TRACK_UNSUPPORTED',
      'writes of other processes cannot be tracked here',
      'It needs asynchronous tracking: Linux 6.7 or later',
    );
  }
  const proc = new ProcDirectory(pid);
  checkTarget(proc, tellSharing);
  const { startTimeTicks } = parseStat(proc.text('stat'));
  const attachment = new Attachment(pid, options);
  let view: ProcessView | undefined;
  try {
    // Only now is the number sure to stay that of one process.
    if (parseStat(proc.text('stat')).startTimeTicks !== startTimeTicks) {
      throw new ProcessGuestError('PROCESS_EXITED', `process ${pid} ended, and its number was used again`);
    }
    const uffd = attachment.whileStopped(() => {
      view = new ProcessView(proc, { filter, includeDontDump, copyMaxBytes: NO_BOUND });
      return attachment.makeUserfaultfd(DirtyTracker.foreignFeatures('async'));
    });
    return await ProcessTracker.start(view!, uffd, attachment.preparingMs);
  } catch (error) {
    view?.close();
    throw error;
  } finally {
    attachment.close();
  }
}

/** See `trackProcess`. */
export class ProcessTracker {
  /** How long the process stood still to be made ready. */
  readonly attachPauseMs: number;
  readonly #view: ProcessView;
  readonly #tracker: DirtyTracker;
  readonly #registration: Registration;
  #regions: readonly EngineRegion[];
  #mappings: readonly Mapping[];
  #isClosed = false;

  private constructor(
    view: ProcessView,
    tracker: DirtyTracker,
    registration: Registration,
    attachPauseMs: number,
  ) {
    this.#view = view;
    this.#tracker = tracker;
    this.#registration = registration;
    this.#regions = tracker.regions;
    this.#mappings = view.mappings;
    this.attachPauseMs = attachPauseMs;
  }

  /** @internal Takes the view and the userfaultfd over, unless it throws; then the latter is closed. */
  static async start(view: ProcessView, uffd: Userfaultfd, attachPauseMs: number): Promise<ProcessTracker> {
    const registration = new Registration(uffd);
    let tracker: DirtyTracker | undefined;
    try {
      const plan = planNow(view);
      registration.cover(plan.registered);
      const regions = engineRegions(plan);
      tracker = DirtyTracker.openForeign({ uffd, pagemapFd: view.files.pagemapFd, regions, kind: 'async' });
      await tracker.startSliced();
      return new ProcessTracker(view, tracker, registration, attachPauseMs);
    } catch (error) {
      tracker?.close();
      uffd.close();
      registration.close();
      throw error;
    }
  }

  /** Of all memory that is tracked now: what has pages. */
  get sizeBytes(): number {
    return this.#regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  /**
   * What was written since the last call, or since tracking began; memory that came to be since then counts as written.
   *
   * @throws ProcessGuestError PROCESS_EXITED, PROCESS_EXECED. @throws TrackError TRACK_MEMORY_GONE when it unmaps faster than one can look.
   */
  async collect(): Promise<DirtyRange[]> {
    if (this.#isClosed) throw new TypeError('the tracker is closed');
    for (let looks = 1; ; looks++) {
      try {
        this.#look();
        // oxlint-disable-next-line no-await-in-loop -- again, when the process has unmapped what was just looked at
        return (await this.#tracker.collectSliced()).map((run) => this.#rangeOf(run));
      } catch (error) {
        if (!(error instanceof TrackError) || looks === LOOKS_MAX) throw error;
      }
    }
  }

  /** Lifts the protection. The process runs on, and has nothing of ours. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#registration.unregister();
    this.#registration.close();
    this.#tracker.close();
    this.#view.close();
  }

  #look(): void {
    const plan = planNow(this.#view);
    this.#registration.cover(plan.registered);
    const regions = engineRegions(plan);
    this.#tracker.use(regions);
    this.#regions = regions;
    this.#mappings = this.#view.mappings;
  }

  #rangeOf({ region, firstPage, pageCount }: DirtyRun): DirtyRange {
    const { address, pageSize } = this.#regions[region]!;
    const start = address + BigInt(firstPage * pageSize);
    const mapping = this.#mappings[firstEndingAfter(this.#mappings, start)];
    return {
      start,
      pageCount,
      pageSize,
      mapping: { start: mapping?.start ?? start, path: mapping?.path ?? '' },
    };
  }
}

function planNow(view: ProcessView): CapturePlan {
  view.look();
  const plan = view.plan();
  if (totalBytes(plan.armed) > 0) return plan;
  throw new ProcessGuestError('PROCESS_NOTHING_TO_ARM', 'no memory of the process can be tracked');
}
