import type { PageRun } from '@stillframe/page-stream';
import type { GuestState, Region, Target } from '@stillframe/snapshot';
import { isProcessStateKind, decodeProcessState } from '../process/state-decode.ts';
import type { ProcessState } from '../process/state.ts';
import { type CoreLayout, coreLayout, type FileSpan } from './core-layout.ts';
import { CoreError } from './error.ts';

/** A file that is written at any place; owned by the target until `commit` or `discard`. */
export interface CoreFile {
  /** Writes the buffers one after the other; they may be reused when the promise has resolved. */
  write(buffers: readonly Uint8Array[], offset: number): Promise<void>;
  /** Sets the size; what was never written reads as zeros and should cost nothing. */
  truncate(sizeBytes: number): Promise<void>;
  /** Makes it durable, under its final name. */
  commit(): Promise<void>;
  /** Drops everything written. Idempotent. */
  discard(): Promise<void>;
}

/**
 * Writes the image of a process as an ELF core file.
 *
 * Ordering: regions, then the state, then pages in any order, as the page stream has them. Each page goes straight to its place in the file;
 * nothing is kept in memory but the layout.
 *
 * The image may come from a peer: the state is believed only after `decodeProcessState` has looked at it, and only if it speaks of the
 * regions that the stream has (I-6).
 */
export class CoreTarget implements Target {
  readonly #file: CoreFile;
  #regions: readonly Region[] = [];
  #layout: CoreLayout | undefined;
  #isDone = false;

  constructor(file: CoreFile) {
    this.#file = file;
  }

  /** Bytes of the file with its holes; undefined before the state came. */
  get sizeBytes(): number | undefined {
    return this.#layout?.sizeBytes;
  }

  async allocate(regions: readonly Region[]): Promise<void> {
    this.#regions = regions;
  }

  /** @throws CoreError, ProcessGuestError PROCESS_STATE_INVALID or PROCESS_STATE_VERSION. */
  async writeState(state: GuestState): Promise<void> {
    if (!isProcessStateKind(state.kind)) {
      throw new CoreError('CORE_NOT_A_PROCESS', `the image is of a guest of kind ${state.kind}`);
    }
    const process = decodeProcessState(state);
    assertSameRegions(this.#regions, process);
    const layout = coreLayout(process);
    await this.#file.truncate(layout.sizeBytes);
    await this.#file.write([layout.head], 0);
    this.#layout = layout;
  }

  async writePages(region: number, runs: readonly PageRun[], bytes: Uint8Array): Promise<void> {
    const spans = this.#layout?.spans[region];
    const pageSize = this.#regions[region]?.pageSize;
    if (spans === undefined || pageSize === undefined) {
      throw new CoreError(
        'CORE_REGIONS_DIFFER',
        `pages of region ${region} came before the state of the process`,
      );
    }
    let at = 0;
    for (const run of runs) {
      if (run.kind === 'zero') continue;
      for (const { firstPage, pageCount, fileOffset } of piecesOf(run, spans, pageSize)) {
        const sizeBytes = pageCount * pageSize;
        const from = at + (firstPage - run.firstPage) * pageSize;
        // oxlint-disable-next-line no-await-in-loop -- `bytes` is lent; runs are few and large
        await this.#file.write([bytes.subarray(from, from + sizeBytes)], fileOffset);
      }
      at += run.pageCount * pageSize;
    }
  }

  async commit(): Promise<void> {
    if (this.#layout === undefined) throw new CoreError('CORE_NOT_A_PROCESS', 'the image has no state');
    await this.#file.commit();
    this.#isDone = true;
  }

  async discard(): Promise<void> {
    if (!this.#isDone) await this.#file.discard();
  }
}

/** Where the pages of a run go: one piece, or several where the run crosses from one mapping into the next. */
function piecesOf(run: PageRun, spans: readonly FileSpan[], pageSize: number): FileSpan[] {
  const runEnd = run.firstPage + run.pageCount;
  const pieces: FileSpan[] = [];
  for (let at = firstReaching(spans, run.firstPage); at < spans.length; at++) {
    const span = spans[at]!;
    if (span.firstPage >= runEnd) break;
    const firstPage = Math.max(span.firstPage, run.firstPage);
    const endPage = Math.min(span.firstPage + span.pageCount, runEnd);
    const fileOffset = span.fileOffset + (firstPage - span.firstPage) * pageSize;
    pieces.push({ firstPage, pageCount: endPage - firstPage, fileOffset });
  }
  return pieces;
}

function firstReaching(spans: readonly FileSpan[], page: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle]!.firstPage + spans[middle]!.pageCount <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}

function assertSameRegions(regions: readonly Region[], { regions: ofState }: ProcessState): void {
  const isSame =
    regions.length === ofState.length &&
    regions.every(({ sizeBytes, pageSize }, id) => {
      const { sizeBytes: stateBytes, pageSize: statePage } = ofState[id]!;
      return sizeBytes === stateBytes && pageSize === statePage;
    });
  if (isSame) return;
  throw new CoreError(
    'CORE_REGIONS_DIFFER',
    'the state of the process speaks of other regions than the image has',
  );
}
