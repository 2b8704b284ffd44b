import type { Capture, CaptureOptions, Guest, GuestState, Region } from '@stillframe/snapshot';
import {
  CaptureEngine,
  pageSize,
  sharesMemory,
  type StoppedProcess,
  UffdError,
  type Userfaultfd,
} from '@stillframe/uffd';
import { Attachment, type AttachmentOptions } from './attachment.ts';
import { type CapturePlan, NOTHING } from './capture-plan.ts';
import { CopiedMemory } from './copied-memory.ts';
import { FILTER_DEFAULT, type FilterName, filterMask } from './dump-filter.ts';
import { ProcessGuestError } from './error.ts';
import { type ProcessFacts, readFacts } from './facts.ts';
import { exitWrites } from './exit-writes.ts';
import { mappedByOthers } from './other-users.ts';
import { ProcDirectory } from './proc-directory.ts';
import { ProcessCapture } from './process-capture.ts';
import { namedRegions, ProcessCut } from './process-cut.ts';
import { Registration } from './registration.ts';
import { ProcessView, type ProcessViewOptions } from './process-view.ts';
import { totalBytes } from './ranges.ts';
import { aheadRegions, setAside } from './set-aside.ts';
import { parseStat } from './stat.ts';
import { checkTarget, findSharingChild } from './target-check.ts';

export interface ProcessGuestOptions extends AttachmentOptions {
  readonly pid: number;
  /** Which kinds of memory are captured. Default `FILTER_DEFAULT`, the kernel's own for core files. */
  readonly filter?: readonly FilterName[];
  /** Memory that its owner excluded from core files (MADV_DONTDUMP) too. Default false. */
  readonly includeDontDump?: boolean;
  /** Bound on memory that cannot be armed and is copied during the pause, in bytes. Default 128 MiB. */
  readonly copyMaxBytes?: number;
  /** See `CaptureEngineOptions` of @stillframe/uffd. */
  readonly spillDirectory?: string;
}

/** 20–30 ms at the speed of /proc/PID/mem. */
export const COPY_MAX_DEFAULT_BYTES = 128 * 2 ** 20;

/**
 * A guest that is another process, which knows nothing of it.
 *
 * Looks at the process, stops it for as long as it takes to make a userfaultfd inside it, and lets it go; each capture stops it once more,
 * for the cut.
 *
 * @throws ProcessGuestError for what cannot be captured: the process was not touched then.
 * @throws TraceError, UffdError when it could not be stopped or a userfaultfd not be had: it runs on as before.
 * @throws RangeError for options out of range.
 */
export async function processGuest(options: ProcessGuestOptions): Promise<ProcessGuest> {
  const proc = new ProcDirectory(options.pid);
  const settings = toSettings(options);
  checkTarget(proc, tellSharing);
  const { startTimeTicks } = parseStat(proc.text('stat'));
  const guest = new ProcessGuest(proc, settings, options);
  try {
    guest.attach(startTimeTicks);
    return guest;
  } catch (error) {
    await guest[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * See `processGuest`.
 *
 * Concurrency: one capture at a time; all methods belong to the thread that made the guest.
 *
 * Regions are known at the cut: `regions` is what was found by `open`, and from `arm` on what the image has.
 *
 * On every way out the process runs, is not armed, and has no descriptor of ours (I-4).
 */
export class ProcessGuest implements Guest {
  readonly pid: number;
  readonly regionsAtCut = true;
  readonly #proc: ProcDirectory;
  readonly #settings: ProcessViewOptions;
  readonly #options: ProcessGuestOptions;
  #attachment: Attachment | undefined;
  #view: ProcessView | undefined;
  /** For the next capture; the engine takes it over. */
  #uffd: Userfaultfd | undefined;
  #capture: Capture | undefined;
  #facts: ProcessFacts | undefined;
  #others: ReadonlySet<string> = new Set();
  #provisional = NOTHING;
  #stopped: StoppedProcess | undefined;
  #cut: ProcessCut | undefined;
  #regions: readonly Region[] | undefined;
  #isClosed = false;

  /** @internal Made by `processGuest`. */
  constructor(proc: ProcDirectory, settings: ProcessViewOptions, options: ProcessGuestOptions) {
    this.pid = proc.pid;
    this.#proc = proc;
    this.#settings = settings;
    this.#options = options;
  }

  /** How long it has stood still to be made ready, cuts not counted. */
  get attachPauseMs(): number {
    return this.#attachment?.preparingMs ?? 0;
  }

  get regions(): readonly Region[] {
    return (this.#regions ??= this.#nameRegions());
  }

  /** @internal The first stop: from then on everything is bound to this address space. */
  attach(startTimeTicks: string): void {
    const attachment = new Attachment(this.pid, this.#options);
    this.#attachment = attachment;
    // Only now is the number sure to stay that of one process.
    if (parseStat(this.#proc.text('stat')).startTimeTicks !== startTimeTicks) {
      throw new ProcessGuestError(
        'PROCESS_EXITED',
        `process ${this.pid} ended, and its number was used again`,
      );
    }
    this.#uffd = attachment.whileStopped(() => {
      this.#view = new ProcessView(this.#proc, this.#settings);
      return attachment.makeUserfaultfd();
    });
    this.#look();
  }

  async open(options: CaptureOptions): Promise<Capture> {
    const view = this.#viewNow();
    if (this.#capture !== undefined) throw new TypeError('a process is captured once at a time');
    const plan = withArmed(this.#look(), this.pid);
    const attachment = this.#attachment!;
    this.#uffd ??= attachment.whileStopped(() => attachment.makeUserfaultfd());
    const copied = new CopiedMemory(pageSize);
    copied.reserve(totalBytes(plan.copied));
    const { spillDirectory } = this.#options;
    const registration = new Registration(this.#uffd);
    let engine: CaptureEngine;
    try {
      attachment.guard(this.#uffd);
      engine = CaptureEngine.openForeign(
        { uffd: this.#uffd, memoryFd: view.files.memFd, regions: aheadRegions(plan, view.mappings) },
        { ...options, ...(spillDirectory === undefined ? {} : { spillDirectory }) },
      );
    } catch (error) {
      registration.close();
      attachment.unguard();
      throw error;
    }
    this.#uffd = undefined;
    const capture = new ProcessCapture({
      engine,
      files: view.files,
      copied,
      registration,
      planAtCut: () => this.#planAtCut(),
      gone: (cause) => view.gone(cause),
      onClose: () => {
        attachment.unguard();
        this.#capture = undefined;
      },
    });
    this.#capture = capture;
    try {
      registration.cover(plan.registered);
      await engine.armAhead();
    } catch (error) {
      await capture.close().catch(() => {});
      throw error;
    }
    return capture;
  }

  async pause(): Promise<void> {
    this.#viewNow();
    if (this.#stopped !== undefined) return;
    this.#cut = undefined;
    this.#stopped = this.#attachment!.stop({ registers: true });
  }

  async resume(): Promise<void> {
    if (this.#stopped === undefined) return;
    this.#stopped = undefined;
    this.#attachment?.resume();
  }

  /** The bytes are made when they are first read, which is for after `resume`. */
  async saveState(): Promise<GuestState> {
    return this.#cutNow().state();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopped = undefined;
    await this.#capture?.close().catch(() => {});
    this.#uffd?.close();
    this.#attachment?.close();
    this.#view?.close();
  }

  #look(): CapturePlan {
    const view = this.#viewNow();
    view.look();
    this.#facts = readFacts(this.#proc);
    this.#others = mappedByOthers(this.#proc, view.mappings);
    this.#provisional = view.plan();
    this.#cut = undefined;
    this.#regions = undefined;
    return this.#provisional;
  }

  /** What only the pause can tell; once a pause. */
  #cutNow(): ProcessCut {
    if (this.#stopped === undefined) throw new TypeError('the process is not paused');
    if (this.#cut === undefined) {
      this.#checkSharing();
      this.#cut = new ProcessCut({
        proc: this.#proc,
        facts: this.#facts!,
        filter: this.#settings.filter,
        includeDontDump: this.#settings.includeDontDump,
        mappedByOthers: this.#others,
        stopped: this.#stopped,
        mappings: this.#viewNow().lookAtCut(),
        provisional: this.#provisional,
      });
      this.#regions = undefined;
    }
    return this.#cut;
  }

  #planAtCut(): CapturePlan {
    const cut = this.#cutNow();
    const view = this.#viewNow();
    const aside = exitWrites(this.#stopped!.threads, { arch: this.#facts!.arch, files: view.files });
    cut.plan = withArmed(setAside(view.planAtCut(), aside), this.pid);
    this.#regions = undefined;
    return cut.plan;
  }

  #nameRegions(): Region[] {
    const plan = this.#cut?.plan ?? this.#provisional;
    return namedRegions(plan, this.#cut?.mappings ?? this.#view?.mappings ?? []);
  }

  /** Others that came to share the memory since `checkTarget`: they are children. */
  #checkSharing(): void {
    const tids = this.#proc.names('task').map(Number);
    const child = findSharingChild(this.#proc, tids, new Set(), tellSharing);
    if (child === undefined) return;
    throw new ProcessGuestError(
      'PROCESS_SHARES_MEMORY',
      `process ${this.pid} shares its memory with process ${child}`,
      { operands: { pid: this.pid, otherPid: child } },
    );
  }

  #viewNow(): ProcessView {
    if (this.#isClosed || this.#view === undefined) {
      throw new ProcessGuestError('PROCESS_CLOSED', 'the guest is closed');
    }
    return this.#view;
  }
}

function toSettings(options: ProcessGuestOptions): ProcessViewOptions {
  const { filter = FILTER_DEFAULT, includeDontDump = false, copyMaxBytes = COPY_MAX_DEFAULT_BYTES } = options;
  filterMask(filter);
  if (!Number.isSafeInteger(copyMaxBytes) || copyMaxBytes < 0) {
    throw new RangeError(`copyMaxBytes must be a whole number of bytes, not ${copyMaxBytes}`);
  }
  return { filter, includeDontDump, copyMaxBytes };
}

/** Whether two processes share their memory; undefined when nobody may know. */
export function tellSharing(pid: number, otherPid: number): boolean | undefined {
  try {
    return sharesMemory(pid, otherPid);
  } catch (error) {
    if (error instanceof UffdError) return undefined;
    throw error;
  }
}

function withArmed(plan: CapturePlan, pid: number): CapturePlan {
  if (plan.armed.length > 0) return plan;
  throw new ProcessGuestError('PROCESS_NOTHING_TO_ARM', `no memory of process ${pid} is to be protected`);
}
