import type { TimelineRecorder } from '../timeline.ts';
import type { Agenda } from './agenda.ts';
import type { Cores } from './cores.ts';
import type { Costs } from './costs.ts';
import type { Counters } from './counters.ts';
import type { PageTable } from './page-table.ts';
import type { Random } from './random.ts';
import type { Store } from './store.ts';

/** What the threads of one capture share. */
export interface CaptureParts {
  readonly agenda: Agenda;
  readonly costs: Costs;
  readonly random: Random;
  readonly cores: Cores;
  readonly pages: PageTable;
  readonly store: Store;
  readonly counters: Counters;
  readonly timeline: TimelineRecorder;
}
