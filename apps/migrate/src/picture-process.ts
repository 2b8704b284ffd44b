import { readFile } from 'node:fs/promises';
import type { SnapshotSummary } from '@stillframe/snapshot';
import type { ProcessChoice } from './options/process-options.ts';
import { type PictureOptions, takeEach } from './picture.ts';
import { openProcess, type ProcessFacts } from './process-guest.ts';
import type { Report } from './report/report.ts';
import { watchPicture } from './report/watch-picture.ts';

/** What a snapshot of a process was, and what was found of the process. */
export interface ProcessPicture<Summary extends SnapshotSummary> extends ProcessFacts {
  readonly summary: Summary;
}

/** Pictures a process that goes on meanwhile. Whatever happens to the snapshot, whether the process goes on is told before the failure is. */
export async function pictureProcess<Summary extends SnapshotSummary>(
  options: PictureOptions<Summary, ProcessChoice>,
): Promise<ProcessPicture<Summary>> {
  const { context, report, guest: choice, signal } = options;
  report.talk(`attaching to process ${choice.pid}`);
  signal.throwIfAborted();
  try {
    await using guest = await openProcess(choice, options.capture);
    report.event({ type: 'process', state: 'attached', pid: choice.pid });
    signal.throwIfAborted();
    const summary = await takeEach(guest, options, (run) => watchPicture(run, { context, report }));
    return { summary, ...guest.facts() };
  } catch (error) {
    await tellState(choice.pid, report);
    throw error;
  }
}

/** After a failure: the process is as it was (I-4), unless it has ended by itself. */
async function tellState(pid: number, report: Report): Promise<void> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const letter = /^State:\s*(\S)/m.exec(status)?.[1];
  const state = letter === undefined || 'ZX'.includes(letter) ? 'ended' : 'running';
  report.talk(state === 'running' ? `process ${pid} goes on` : `process ${pid} has ended`);
  report.event({ type: 'process', state, pid });
}
