import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { mmap, pageSize } from '../src/index.ts';
import { GIVE_UP_MS } from './kernel.ts';

const REQUESTED = 1;
const RUNNING = 2;
const DONE = 3;

const OPERATIONS = ['write', 'read', 'madvise', 'munmap', 'mremap'] as const;

/**
 * Another thread with memory of its own in this address space. It touches or changes that memory on request, possibly blocking in a fault,
 * while the test's thread serves the faults.
 */
export class Hand {
  readonly address: bigint;
  readonly sizeBytes: number;
  readonly #state = new Int32Array(new SharedArrayBuffer(4));
  readonly #args = new BigInt64Array(new SharedArrayBuffer(8 * 6));
  readonly #worker: Worker;

  private constructor(address: bigint, sizeBytes: number) {
    this.address = address;
    this.sizeBytes = sizeBytes;
    this.#worker = new Worker(new URL('workers/hand.mjs', import.meta.url), {
      workerData: {
        control: this.#state.buffer,
        operands: this.#args.buffer,
        address,
        sizeBytes: BigInt(sizeBytes),
      },
      execArgv: [],
    });
  }

  /** Takes over a mapping; by default of four anonymous pages. */
  static async with(
    sizeBytes = 4 * pageSize,
    address = mmap({ sizeBytes, flags: ['PRIVATE', 'ANONYMOUS'] }),
  ): Promise<Hand> {
    const hand = new Hand(address, sizeBytes);
    await once(hand.#worker, 'message');
    return hand;
  }

  /** Address of a page. */
  at(pageIndex: number, size = pageSize): bigint {
    return this.address + BigInt(pageIndex * size);
  }

  page(pageIndex: number, pageCount = 1): { address: bigint; sizeBytes: number } {
    return { address: this.at(pageIndex), sizeBytes: pageCount * pageSize };
  }

  /** Begins an operation; returns once the other thread is about to do it. */
  start(operation: (typeof OPERATIONS)[number], ...operands: (bigint | number)[]): void {
    this.#args.fill(0n);
    this.#args.set(
      [operation, ...operands].map((value, index) =>
        BigInt(index === 0 ? OPERATIONS.indexOf(operation) : value),
      ),
    );
    this.#set(REQUESTED);
    this.#waitWhile(REQUESTED);
  }

  /** Whether the other thread has not come back from what it started. */
  get busy(): boolean {
    return Atomics.load(this.#state, 0) === RUNNING;
  }

  /** Waits until the operation is done. @returns Its result. */
  finish(): number {
    this.#waitWhile(RUNNING);
    if (Atomics.load(this.#state, 0) !== DONE) throw new Error('the other thread was not asked');
    return Number(this.#args[0]);
  }

  do(operation: (typeof OPERATIONS)[number], ...operands: (bigint | number)[]): number {
    this.start(operation, ...operands);
    return this.finish();
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #set(value: number): void {
    Atomics.store(this.#state, 0, value);
    Atomics.notify(this.#state, 0);
  }

  #waitWhile(value: number): void {
    while (Atomics.load(this.#state, 0) === value) {
      if (Atomics.wait(this.#state, 0, value, GIVE_UP_MS) === 'timed-out') {
        throw new Error(`the other thread is still ${value === RUNNING ? 'blocked' : 'not there'}`);
      }
    }
  }
}
