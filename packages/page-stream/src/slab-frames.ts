import { FRAME_HEADER_BYTES } from './frame-header.ts';
import { PAGES_HEAD_BYTES, RUN_BYTES } from './layout/pages.ts';
import { MAX_RUNS } from './limits.ts';
import type { PageRun } from './page-run.ts';
import type { PageSpans } from './page-spans.ts';

/** The smallest payload that holds one page of `pageSize` bytes. */
export function onePagePayloadBytes(pageSize: number): number {
  return PAGES_HEAD_BYTES + RUN_BYTES + pageSize;
}

/** What one PAGES frame will hold. */
export interface SlabFrame {
  readonly runs: PageRun[];
  /** Where in the slab the bytes of each run start; nothing starts there for zero runs. */
  readonly starts: number[];
  dataBytes: number;
}

/** Bytes of header, payload head and run table. */
export function headBytes({ runs }: SlabFrame): number {
  return FRAME_HEADER_BYTES + PAGES_HEAD_BYTES + RUN_BYTES * runs.length;
}

/**
 * Divides a slab into frames: zero pages leave the data, neighbours merge, and no frame is above `maxPayloadBytes` or MAX_RUNS.
 * A slab of a MiB is one frame. `spans` are the packed pages of the data runs.
 */
export function divideSlab(
  runs: readonly PageRun[],
  spans: PageSpans,
  pageSize: number,
  maxPayloadBytes: number,
): SlabFrame[] {
  const divider = new SlabDivider(pageSize, maxPayloadBytes);
  for (const { firstPage, pageCount, kind } of runs) {
    if (kind === 'zero') divider.addZero(firstPage, pageCount);
    for (let done = kind === 'zero' ? pageCount : 0; done < pageCount; ) {
      const taken = spans.take(pageCount - done);
      if (spans.isZero) divider.addZeroBytes(firstPage + done, taken);
      else divider.addData(firstPage + done, taken);
      done += taken;
    }
  }
  return divider.frames;
}

class SlabDivider {
  readonly frames: SlabFrame[] = [];
  readonly #pageSize: number;
  readonly #maxPayloadBytes: number;
  /** Where in the slab the next data run starts. */
  #at = 0;

  constructor(pageSize: number, maxPayloadBytes: number) {
    this.#pageSize = pageSize;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  addZero(firstPage: number, pageCount: number): void {
    this.#add(this.#frameWithRoom(0), { firstPage, pageCount, kind: 'zero' });
  }

  /** Zero pages that have bytes in the slab. */
  addZeroBytes(firstPage: number, pageCount: number): void {
    this.addZero(firstPage, pageCount);
    this.#at += pageCount * this.#pageSize;
  }

  addData(firstPage: number, pageCount: number): void {
    for (let done = 0; done < pageCount; ) {
      const frame = this.#frameWithRoom(this.#pageSize);
      const room = Math.floor(this.#roomBytes(frame) / this.#pageSize);
      const taken = Math.min(pageCount - done, room);
      this.#add(frame, { firstPage: firstPage + done, pageCount: taken, kind: 'data' });
      frame.dataBytes += taken * this.#pageSize;
      this.#at += taken * this.#pageSize;
      done += taken;
    }
  }

  /** Left in the payload when it gets one more run. */
  #roomBytes({ runs, dataBytes }: SlabFrame): number {
    return this.#maxPayloadBytes - PAGES_HEAD_BYTES - RUN_BYTES * (runs.length + 1) - dataBytes;
  }

  #frameWithRoom(bytes: number): SlabFrame {
    const last = this.frames.at(-1);
    if (last && last.runs.length < MAX_RUNS && this.#roomBytes(last) >= bytes) return last;
    const fresh: SlabFrame = { runs: [], starts: [], dataBytes: 0 };
    this.frames.push(fresh);
    return fresh;
  }

  /** Data that continues the pages of the last run continues its bytes as well: only zero pages leave a gap, and they add a run. */
  #add({ runs, starts }: SlabFrame, run: PageRun): void {
    const last = runs.at(-1);
    if (last?.kind === run.kind && last.firstPage + last.pageCount === run.firstPage) {
      runs[runs.length - 1] = { ...last, pageCount: last.pageCount + run.pageCount };
      return;
    }
    runs.push(run);
    starts.push(this.#at);
  }
}
