import native from '#native';
import type { EngineRegion } from './capture-region.ts';

/** Neighbouring pages of one region, counted in its pages. `zero`: never touched, no bytes. */
export interface CapturedRun {
  readonly firstPage: number;
  readonly pageCount: number;
  readonly kind: 'data' | 'zero';
}

/**
 * Captured pages of one region, on loan.
 *
 * `bytes` holds the data runs, packed in the order of `runs`: the pages themselves, not a copy. Valid until `release()`, which is to be
 * called exactly once, when nobody reads the bytes any more.
 */
export interface CaptureSlab {
  readonly region: number;
  readonly runs: readonly CapturedRun[];
  readonly bytes: Uint8Array;
  readonly cause: 'fault' | 'sweep';
  /** When the first page of the slab was captured: CLOCK_MONOTONIC nanoseconds. */
  readonly heldSinceNs: number;
  release(): void;
}

/** What the engine says about one slab: head, then three numbers for each run. */
const HEAD_WORDS = 5;
const RUN_WORDS = 3;

/** A piece of a native slab: runs of one region. */
interface Part {
  readonly region: number;
  readonly runs: CapturedRun[];
  startByte: number;
  endByte: number;
}

/** Lends the engine's slabs out and takes them back. A native slab may hold pages of several regions: it is lent in parts. */
export class SlabDesk {
  readonly #engine: native.CaptureEngine;
  #regions: readonly EngineRegion[] = [];
  /** First page of each region in the engine's line of pages, and the end of the last. */
  #firstPages: number[] = [0];
  /** One ArrayBuffer for each slab that is used again and again; those of the spill file are made for each loan. */
  readonly #memories = new Map<number, ArrayBuffer>();
  #loans = 0;
  #closed = false;

  constructor(engine: native.CaptureEngine, regions: readonly EngineRegion[]) {
    this.#engine = engine;
    this.use(regions);
  }

  /** Before the first loan. */
  use(regions: readonly EngineRegion[]): void {
    this.#regions = regions;
    this.#firstPages = [0];
    for (const { sizeBytes, pageSize } of regions) {
      this.#firstPages.push(this.#firstPages.at(-1)! + sizeBytes / pageSize);
    }
  }

  lend(slabs: readonly Float64Array[]): CaptureSlab[] {
    return slabs.flatMap((words) => this.#lendOne(words));
  }

  /** After the engine was closed: frees the store as soon as nothing is on loan. */
  close(): void {
    this.#closed = true;
    this.#freeIfIdle();
  }

  #lendOne(words: Float64Array): CaptureSlab[] {
    const id = words[0]!;
    const cause = words[1] === 0 ? 'fault' : 'sweep';
    const isSpilled = words[2] === 1;
    const heldSinceNs = words[4]!;
    const parts = this.#parts(words);
    const memory = words[3] === 0 ? EMPTY : this.#memoryOf(id);
    let out = parts.length;
    this.#loans += 1;
    return parts.map(({ region, runs, startByte, endByte }) => {
      let released = false;
      return {
        region,
        runs,
        bytes: new Uint8Array(memory, startByte, endByte - startByte),
        cause,
        // Stop-gap until the engine says it.
        heldSinceNs,
        release: () => {
          if (released) return;
          released = true;
          out -= 1;
          if (out === 0) this.#takeBack(id, isSpilled);
        },
      };
    });
  }

  #parts(words: Float64Array): Part[] {
    const parts: Part[] = [];
    let byte = 0;
    for (let at = HEAD_WORDS; at < words.length; at += RUN_WORDS) {
      const page = words[at]!;
      const pageCount = words[at + 1]!;
      const kind = words[at + 2] === 1 ? 'zero' : 'data';
      let part = parts.at(-1);
      if (
        part === undefined ||
        page < this.#firstPages[part.region]! ||
        page >= this.#firstPages[part.region + 1]!
      ) {
        part = { region: this.#regionOf(page), runs: [], startByte: byte, endByte: byte };
        parts.push(part);
      }
      if (kind === 'data') byte += pageCount * this.#regions[part.region]!.pageSize;
      part.endByte = byte;
      part.runs.push({ firstPage: page - this.#firstPages[part.region]!, pageCount, kind });
    }
    return parts;
  }

  #regionOf(page: number): number {
    let low = 0;
    let high = this.#regions.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#firstPages[middle]! <= page) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #memoryOf(id: number): ArrayBuffer {
    let memory = this.#memories.get(id);
    if (memory === undefined) {
      memory = this.#engine.slabMemory(id);
      this.#memories.set(id, memory);
    }
    return memory;
  }

  #takeBack(id: number, isSpilled: boolean): void {
    this.#loans -= 1;
    if (isSpilled) this.#drop(id);
    if (this.#closed) this.#freeIfIdle();
    else this.#engine.release(id);
  }

  #drop(id: number): void {
    const memory = this.#memories.get(id);
    if (memory !== undefined) native.detach(memory);
    this.#memories.delete(id);
  }

  #freeIfIdle(): void {
    if (this.#loans > 0) return;
    for (const id of this.#memories.keys()) this.#drop(id);
    this.#engine.free();
  }
}

const EMPTY = new ArrayBuffer(0);
