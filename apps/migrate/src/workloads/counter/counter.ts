import { allocateControl, ControlBlock } from '../control-block.ts';
import { allocateGuestMemory, GUEST_PAGE_BYTES, memoryRange } from '../guest-memory.ts';
import { type TeamStart, TeamWorkload } from '../team-workload.ts';
import type { WarmThreads } from '../warm-threads.ts';
import { WarmBuffer } from '../warm-buffer.ts';
import type { Workload } from '../workload.ts';
import { COUNTER_REGION, counterStateBytes, packCounterState } from './counter-state.ts';
import type { CounterTask } from './counter-writer.ts';
import { SharedSequence } from './sequence.ts';

export interface CounterOptions {
  readonly size: number;
  readonly writers: number;
  /** Writes per second, all writers together; 0 is full speed. */
  readonly rate: number;
  readonly fill: number;
}

/** Several threads stamp pages of one shared memory with one ascending number. */
export function startCounter(options: CounterOptions): Promise<Workload> {
  const memory = allocateGuestMemory(options.size);
  const ledger = new Float64Array(new SharedArrayBuffer((options.size / GUEST_PAGE_BYTES) * 8));
  return runCounter(options, { memory, ledger, cut: 0 }, {});
}

/** Where a counter stopped. */
export interface StoppedCounter {
  /** Written to from now on. */
  readonly memory: Uint8Array<SharedArrayBuffer>;
  /** Number of the last write of each page; kept and written to. In memory of its own. */
  readonly ledger: Float64Array<SharedArrayBuffer>;
  /** The last number that was taken. */
  readonly cut: number;
}

/** Goes on where a counter stopped, with threads of its own; at rest until it is resumed. `options.fill` does nothing. */
export function resumeCounter(
  options: CounterOptions,
  stopped: StoppedCounter,
  threads: WarmThreads,
): Promise<Workload> {
  return runCounter({ ...options, fill: 0 }, stopped, { atRest: true, threads });
}

function runCounter(
  options: CounterOptions,
  { memory, ledger, cut }: StoppedCounter,
  start: TeamStart,
): Promise<Workload> {
  const control = allocateControl(options.writers);
  const block = new ControlBlock(control);
  const copies = new WarmBuffer(counterStateBytes(ledger.length));
  const sequence = new SharedSequence(block.sequence);
  sequence.continueAfter(cut);
  const tasks = Array.from(
    { length: options.writers },
    (_, writer): CounterTask => ({
      role: 'counter-writer',
      control,
      memory: memory.buffer,
      ledger: ledger.buffer,
      writer,
      writers: options.writers,
      ratePerSecond: options.rate / options.writers,
      fill: options.fill,
    }),
  );
  const parts = {
    name: 'counter',
    options: { ...options },
    memory: () => [memoryRange(COUNTER_REGION, memory)],
    saveState: () => packCounterState(sequence.last(), ledger, copies.take()),
    afterResume: () => copies.warm(),
  };
  return TeamWorkload.start(block, tasks, parts, start);
}
