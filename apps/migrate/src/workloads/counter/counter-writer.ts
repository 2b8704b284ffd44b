import { ControlBlock, type ControlBuffers } from '../control-block.ts';
import { GUEST_PAGE_BYTES } from '../guest-memory.ts';
import { WriterGate } from '../writer-gate.ts';
import { SharedSequence } from './sequence.ts';
import { DOUBLES_PER_PAGE, stampPage } from './stamp.ts';

export interface CounterTask {
  readonly role: 'counter-writer';
  readonly control: ControlBuffers;
  readonly memory: SharedArrayBuffer;
  /** Number of the last write of each page, as doubles. Not guest memory. */
  readonly ledger: SharedArrayBuffer;
  readonly writer: number;
  readonly writers: number;
  /** Of this writer; 0 means full speed. */
  readonly ratePerSecond: number;
  /** Percent of the pages that are written once before the load begins. */
  readonly fill: number;
}

/**
 * Stamps pages that belong to this writer (page modulo writers), in random order, until told to end.
 *
 * A number is taken only after the gate was passed, and the page and the ledger are complete before the next pass: at rest,
 * every number taken is in both.
 */
export function runCounterWriter(task: CounterTask): void {
  const control = new ControlBlock(task.control);
  const gate = new WriterGate(control, task.writer, task.ratePerSecond);
  const sequence = new SharedSequence(control.sequence);
  const memory = new Float64Array(task.memory);
  const ledger = new Float64Array(task.ledger);
  const pageCount = memory.byteLength / GUEST_PAGE_BYTES;
  const ownPages = Math.ceil((pageCount - task.writer) / task.writers);

  const write = (page: number): void => {
    const phase = gate.phaseIndex();
    const number = sequence.take();
    const startedMs = performance.now();
    stampPage(memory, page * DOUBLES_PER_PAGE, page, number);
    gate.record(phase, startedMs);
    ledger[page] = number;
    gate.count();
  };

  const filled = Math.floor((ownPages * task.fill) / 100);
  for (let index = 0; index < filled; index++) {
    if (!gate.pass()) return;
    write(index * task.writers + task.writer);
  }
  gate.ready();
  // xorshift32; any odd start but zero has the full period.
  let random = 0x9e37_79b9 ^ (task.writer * 2 + 1);
  while (gate.passPaced()) {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    write(((random >>> 0) % ownPages) * task.writers + task.writer);
  }
}
