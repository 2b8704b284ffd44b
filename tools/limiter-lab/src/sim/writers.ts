import type { Workload } from '../workload.ts';
import type { Agenda } from './agenda.ts';
import type { Costs } from './costs.ts';
import { type PageTable, RELEASED } from './page-table.ts';
import type { Random } from './random.ts';
import { awakeNs, visitsOf } from './visits.ts';
import type { WaitRecorder } from './wait-recorder.ts';

/** A write to a protected page. Its writer sleeps until `resume` is called. */
export interface Fault {
  readonly page: number;
  readonly startNs: number;
  /** The writer runs again at `atNs`. */
  readonly resume: (atNs: number) => void;
}

export interface WritersOptions {
  readonly workload: Workload;
  readonly agenda: Agenda;
  readonly pages: PageTable;
  readonly costs: Costs;
  readonly random: Random;
  readonly waits: WaitRecorder;
  readonly onFault: (fault: Fault) => void;
  readonly onWait: (endNs: number, waitNs: number) => void;
}

/** Starts the guest's writers. They stop by themselves once `isOver` says so. */
export function startWriters(options: WritersOptions, isOver: () => boolean): void {
  for (let writer = 0; writer < options.workload.writers; writer++) startWriter(options, writer, isOver);
}

function startWriter(options: WritersOptions, writer: number, isOver: () => boolean): void {
  const { workload, agenda, pages, costs, random, waits, onFault, onWait } = options;
  const { states } = pages;
  const periodNs = 1e9 / workload.writesPerSecond;
  const nextPage = visitsOf(workload, writer, pages.count, random);
  // The writers are somewhere in their period when the cut comes.
  let dueNs = random.next() * periodNs;

  /** Nobody catches up: a write that ended late moves the next one. */
  const ended = (endNs: number, waitNs: number): void => {
    waits.add(waitNs);
    dueNs = awakeNs(workload, Math.max(dueNs + periodNs, endNs));
  };
  const resume = (startNs: number, endNs: number): void => {
    onWait(endNs, endNs - startNs);
    ended(endNs, endNs - startNs);
    agenda.at(dueNs, run);
  };
  const fault = (page: number): void => {
    const startNs = agenda.nowNs;
    onFault({ page, startNs, resume: (atNs) => agenda.at(atNs, () => resume(startNs, atNs)) });
  };
  /** Writes until something else happens, or a page is protected. */
  const run = (): void => {
    for (let writes = 0; writes < WRITES_AT_ONCE && dueNs <= agenda.nextNs; writes++) {
      if (isOver()) return;
      const page = nextPage();
      if (states[page] !== RELEASED) {
        agenda.at(dueNs, () => fault(page));
        return;
      }
      ended(dueNs + costs.plainWriteNs, costs.plainWriteNs);
    }
    if (!isOver()) agenda.at(dueNs, run);
  };
  agenda.at(awakeNs(workload, dueNs), run);
}

/** With nothing else on the agenda a writer would go on for ever. */
const WRITES_AT_ONCE = 10_000;
