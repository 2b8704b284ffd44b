import { parentPort } from 'node:worker_threads';
import { COMMAND_STOP, type ControlBlock, writerActivity } from './control-block.ts';
import type { StallCounts } from './stall-counts.ts';

/** Sleeping less costs more in wake-ups than it gains in evenness; due writes are done together. */
const MIN_SLEEP_MS = 1;
/** A writer this far behind its pace (after a pause or a long stall) starts afresh instead of catching up in one burst. */
const MAX_LAG_MS = 100;

/** Said by a writer to the thread that started it. */
export type WriterMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'resting'; readonly command: number };

/**
 * A writer's side of the control block: where it stops between two writes, keeps its pace and times its writes.
 *
 * Concurrency: one gate for each writer, used by that writer's thread alone. The command is read before every write; a change
 * between that read and the end of the write is seen by the next one, so a writer is at rest after one write at most.
 * `sleepWhile` compares and sleeps in one step, so a command given just before the sleep is not missed.
 */
export class WriterGate {
  readonly #control: ControlBlock;
  readonly #writer: number;
  readonly #writes: Float64Array;
  readonly #stalls: StallCounts;
  readonly #intervalMs: number;
  readonly #onRest: () => void;
  #dueMs = 0;
  #recording = false;
  #activity: number = writerActivity.starting;

  /** `ratePerSecond` is this writer's own; 0 means full speed. `onRest` runs before each rest is reported. */
  constructor(control: ControlBlock, writer: number, ratePerSecond: number, onRest: () => void = () => {}) {
    this.#control = control;
    this.#writer = writer;
    this.#writes = control.writes(writer);
    this.#stalls = control.stalls(writer);
    this.#intervalMs = ratePerSecond > 0 ? 1000 / ratePerSecond : 0;
    this.#onRest = onRest;
  }

  /** The memory is filled: from here on writes are paced and timed, and the starter is told. */
  ready(): void {
    this.#onRest();
    this.#recording = true;
    this.#dueMs = performance.now();
    this.#say({ type: 'ready' });
  }

  /** Between two writes: rests while the command says so. False when the writer shall end. */
  pass(): boolean {
    let command = this.#control.command();
    while (command !== COMMAND_STOP && command % 2 !== 0) {
      this.#onRest();
      this.#turn(writerActivity.resting);
      this.#say({ type: 'resting', command });
      this.#control.sleepWhile(command);
      command = this.#control.command();
    }
    if (command === COMMAND_STOP) return false;
    this.#turn(writerActivity.writing);
    return true;
  }

  /** Waits for the pace, then passes. False when the writer shall end. */
  passPaced(): boolean {
    if (this.#intervalMs === 0) return this.pass();
    let nowMs = performance.now();
    while (this.#dueMs > nowMs) {
      const command = this.#control.command();
      if (command === COMMAND_STOP || command % 2 !== 0) {
        if (!this.pass()) return false;
      } else {
        this.#turn(writerActivity.waiting);
        this.#control.sleepWhile(command, Math.max(MIN_SLEEP_MS, this.#dueMs - nowMs));
      }
      nowMs = performance.now();
    }
    this.#dueMs = Math.max(this.#dueMs, nowMs - MAX_LAG_MS) + this.#intervalMs;
    return this.pass();
  }

  /** Read before the write: a write belongs to the phase in which it began. */
  phaseIndex(): number {
    return this.#control.phaseIndex();
  }

  /** A timed step is done; `startedMs` is `performance.now()` from before it. */
  record(phaseIndex: number, startedMs: number): void {
    if (this.#recording) this.#stalls.record(phaseIndex, performance.now() - startedMs);
  }

  /** One more write, operation or transaction is complete. */
  count(): void {
    this.#writes[0] = this.#writes[0]! + 1;
  }

  // Only changes are published: a notification for every write would make the writers wait for each other.
  #turn(activity: number): void {
    if (activity === this.#activity) return;
    this.#activity = activity;
    this.#control.setActivity(this.#writer, activity);
  }

  #say(message: WriterMessage): void {
    parentPort?.postMessage(message, []);
  }
}
