import { StallCounts } from './stall-counts.ts';

/** Runs while even, at rest while odd, over when negative. A new number for each change, so that an old report is never taken for a new one. */
export const COMMAND_STOP = -1;

/** What a writer is doing, for those who must know that it sleeps rather than that it is slow. */
export const writerActivity = { starting: 0, writing: 1, waiting: 2, resting: 3 } as const;

const COMMAND_WORD = 0;
const PHASE_WORD = 1;
const SEQUENCE_WORDS = 2;
const SEQUENCE_WORD_COUNT = 3;
const ACTIVITY_WORDS = SEQUENCE_WORDS + SEQUENCE_WORD_COUNT;

/** Each writer owns pages of its own, and the smallest guest has this many. */
export const MAX_WRITERS = 16;

/**
 * The shared memory through which a workload steers its writers and reads their figures.
 *
 * It is memory of its own, never the guest's: guest pages are armed, and a flag in an armed page would put the thread
 * that sets it to sleep. Everything is reached by index, so both sides only need the two buffers.
 *
 * Concurrency: `words` is used with Atomics only. Each writer alone writes its row of `counters`; doubles are stored
 * whole on the machines we run on, and a reader that is one write late does no harm.
 */
export interface ControlBuffers {
  readonly words: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
}

export function allocateControl(writerCount: number): ControlBuffers {
  return {
    words: new SharedArrayBuffer((ACTIVITY_WORDS + writerCount) * Int32Array.BYTES_PER_ELEMENT),
    counters: new SharedArrayBuffer(writerCount * rowBytes),
  };
}

/** One double for the writes done, then the stall histograms. */
const rowBytes = Float64Array.BYTES_PER_ELEMENT + StallCounts.sizeBytes;

export class ControlBlock {
  readonly words: Int32Array<SharedArrayBuffer>;
  /** The three words of the shared sequence number. */
  readonly sequence: Int32Array<SharedArrayBuffer>;
  readonly #counters: SharedArrayBuffer;

  constructor(buffers: ControlBuffers) {
    this.words = new Int32Array(buffers.words);
    this.sequence = this.words.subarray(SEQUENCE_WORDS, SEQUENCE_WORDS + SEQUENCE_WORD_COUNT);
    this.#counters = buffers.counters;
  }

  get writerCount(): number {
    return this.#counters.byteLength / rowBytes;
  }

  command(): number {
    return Atomics.load(this.words, COMMAND_WORD);
  }

  /** Changes the command and wakes every writer that waits for anything. */
  give(command: number): void {
    Atomics.store(this.words, COMMAND_WORD, command);
    Atomics.notify(this.words, COMMAND_WORD);
  }

  /** Sleeps while the command is `command`, for `timeoutMs` at most. Writers only: it blocks the thread. */
  sleepWhile(command: number, timeoutMs = Infinity): void {
    Atomics.wait(this.words, COMMAND_WORD, command, timeoutMs);
  }

  phaseIndex(): number {
    return Atomics.load(this.words, PHASE_WORD);
  }

  setPhase(index: number): void {
    Atomics.store(this.words, PHASE_WORD, index);
  }

  /** Where the activity word of `writer` is in `words`; its changes are notified. */
  activityWord(writer: number): number {
    return ACTIVITY_WORDS + writer;
  }

  setActivity(writer: number, activity: number): void {
    Atomics.store(this.words, this.activityWord(writer), activity);
    Atomics.notify(this.words, this.activityWord(writer));
  }

  /** Length 1: the writes that `writer` has done. */
  writes(writer: number): Float64Array<SharedArrayBuffer> {
    return new Float64Array(this.#counters, writer * rowBytes, 1);
  }

  stalls(writer: number): StallCounts {
    return new StallCounts(this.#counters, writer * rowBytes + Float64Array.BYTES_PER_ELEMENT);
  }
}
