import { allocateControl, ControlBlock } from '../control-block.ts';
import { allocateGuestMemory, GUEST_PAGE_BYTES, memoryRange } from '../guest-memory.ts';
import { TeamWorkload } from '../team-workload.ts';
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
  const control = allocateControl(options.writers);
  const block = new ControlBlock(control);
  const memory = allocateGuestMemory(options.size);
  const ledger = new Float64Array(new SharedArrayBuffer((options.size / GUEST_PAGE_BYTES) * 8));
  const copies = new WarmBuffer(counterStateBytes(ledger.length));
  const sequence = new SharedSequence(block.sequence);
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
  return TeamWorkload.start(block, tasks, {
    name: 'counter',
    options: { ...options },
    memory: () => [memoryRange(COUNTER_REGION, memory)],
    saveState: () => packCounterState(sequence.last(), ledger, copies.take()),
    afterResume: () => copies.warm(),
  });
}
