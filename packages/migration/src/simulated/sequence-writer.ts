/* oxlint-disable no-await-in-loop -- one write after the other */
import type { Clock } from '@stillframe/snapshot';
import { type SequenceMemory, stamp } from './sequence-memory.ts';

export interface SequenceWriterOptions {
  readonly clock: Clock;
  readonly memory: SequenceMemory;
  /** The last number that was written before. */
  readonly sequence: number;
  readonly pagesPerMs: number;
  /** Writes go to this share of the pages, 0 to 1. */
  readonly workingSet: number;
  readonly seed: number;
  /** Called before a page is written; the write waits for it. */
  readonly touch?: (region: number, page: number) => Promise<void> | undefined;
  readonly onWrite?: (region: number, page: number) => void;
}

/** A writer that puts ascending numbers on pages drawn at random, until it is stopped. */
export class SequenceWriter {
  readonly #options: SequenceWriterOptions;
  #sequence: number;
  #random: number;
  #isPaused = true;
  #slowedShare = 0;
  #isStopped = false;
  #working: Promise<void> = Promise.resolve();

  constructor(options: SequenceWriterOptions) {
    this.#options = options;
    this.#sequence = options.sequence;
    this.#random = options.seed >>> 0;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get isRunning(): boolean {
    return !this.#isPaused;
  }

  run(): void {
    if (!this.#isPaused || this.#isStopped) return;
    this.#isPaused = false;
    this.#working = this.#work(this.#working);
  }

  /** Resolves when it is at rest: a write that waits for its page is waited for. */
  async pause(): Promise<void> {
    this.#isPaused = true;
    await this.#working;
  }

  /** Writes so much less from now on: 0 to below 1. */
  slow(share: number): void {
    this.#slowedShare = share;
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true;
    this.#isPaused = true;
  }

  async #work(before: Promise<void>): Promise<void> {
    await before;
    const { clock, memory, pagesPerMs, touch, onWrite, workingSet } = this.#options;
    while (!this.#isPaused) {
      for (let write = 0; write < pagesPerMs && !this.#isPaused; write++) {
        const region = Math.floor(this.#draw() * memory.regions.length);
        const pages = Math.max(1, Math.floor(memory.ledger[region]!.length * workingSet));
        const page = Math.floor(this.#draw() * pages);
        const touched = touch?.(region, page);
        if (touched !== undefined) await touched;
        if (this.#isStopped) return;
        stamp(memory, region, page, ++this.#sequence);
        onWrite?.(region, page);
      }
      await clock.after(1 / (1 - this.#slowedShare));
    }
  }

  /** A linear congruential generator (the constants of Numerical Recipes), good enough to pick pages. */
  #draw(): number {
    this.#random = (Math.imul(this.#random, 1664525) + 1013904223) >>> 0;
    return this.#random / 2 ** 32;
  }
}
