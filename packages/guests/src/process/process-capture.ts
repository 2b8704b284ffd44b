import type { Capture, CaptureStats, Slab } from '@stillframe/snapshot';
import { type CaptureEngine, CaptureError } from '@stillframe/uffd';
import type { CapturePlan } from './capture-plan.ts';
import type { CopiedMemory } from './copied-memory.ts';
import type { MemoryFiles } from './memory-files.ts';
import type { Registration } from './registration.ts';
import { engineRegions } from './process-cut.ts';

/** What the capture needs of the capture engine; its own in tests. */
export type ForeignEngine = Pick<
  CaptureEngine,
  'pageCount' | 'arm' | 'pull' | 'grant' | 'wait' | 'stats' | 'close' | 'failure'
>;

export interface ProcessCaptureOptions {
  readonly engine: ForeignEngine;
  readonly files: Pick<MemoryFiles, 'read'>;
  readonly copied: CopiedMemory;
  /** The capture's to close. */
  readonly registration: Pick<Registration, 'cover' | 'unregister' | 'close'>;
  /** The final plan, made at the cut; called once, by `arm`. */
  readonly planAtCut: () => CapturePlan;
  /** The error for an address space that is no more. */
  readonly gone: (cause: unknown) => Error;
  /** Called once. */
  readonly onClose: () => void;
}

/**
 * The capture engine's pages, and those that were copied at the cut, as one capture. The copied ones come out first: they are there already.
 *
 * Ordering: armed regions have the ids from 0, as the engine numbers them, and the copied ones follow.
 */
export class ProcessCapture implements Capture {
  readonly #options: ProcessCaptureOptions;
  #isOpen = true;
  #toldOfFailure = false;

  constructor(options: ProcessCaptureOptions) {
    this.#options = options;
  }

  get pageCount(): number {
    return this.#options.engine.pageCount + this.#options.copied.pageCount;
  }

  arm(): void {
    const { engine, files, copied, registration, planAtCut } = this.#options;
    const plan = planAtCut();
    copied.take(files, plan.copied, plan.armed.length, Number(process.hrtime.bigint()));
    registration.cover(plan.registered);
    engine.arm(engineRegions(plan));
  }

  pull(maxSlabs: number): Slab[] {
    const { engine, copied } = this.#options;
    const slabs = copied.pull(maxSlabs);
    try {
      slabs.push(...engine.pull(maxSlabs - slabs.length));
    } catch (error) {
      this.#toldOfFailure = true;
      throw this.#translate(error);
    }
    return slabs;
  }

  async wait(options?: Parameters<Capture['wait']>[0]): Promise<void> {
    if (this.#isOpen && !this.#options.copied.isEmpty) return;
    await this.#options.engine.wait(options);
  }

  grant(pages: number, notBeforeNs: number): void {
    this.#options.engine.grant(pages, notBeforeNs);
  }

  stats(): CaptureStats {
    const { engine, copied } = this.#options;
    const stats = engine.stats();
    return {
      ...stats,
      pages: stats.pages + copied.pageCount,
      capturedPages: stats.capturedPages + copied.pageCount,
      sweptPages: stats.sweptPages + copied.pageCount,
      preImageBytes: stats.preImageBytes + copied.heldBytes,
      preImageBytesMax: stats.preImageBytesMax + copied.totalBytes,
    };
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { engine, registration, onClose } = this.#options;
    const { capturedPages, pages } = engine.stats();
    registration.unregister();
    engine.close();
    registration.close();
    onClose();
    const { failure } = engine;
    if (failure === undefined || this.#toldOfFailure) return;
    // Given up in the middle, the engine may see that we have disarmed what it was about to capture.
    if (failure.code === 'CAPTURE_DISARMED' && capturedPages < pages) return;
    throw this.#translate(failure);
  }

  #translate(error: unknown): unknown {
    const isGone = error instanceof CaptureError && error.code === 'CAPTURE_GUEST_GONE';
    return isGone ? this.#options.gone(error) : error;
  }
}
