import type { GuestState } from '@stillframe/snapshot';
import type { ControlBlock } from './control-block.ts';
import { WorkloadError } from './error.ts';
import { StallCounts } from './stall-counts.ts';
import type { WarmThreads } from './warm-threads.ts';
import type { WorkerTask } from './worker-task.ts';
import {
  type MemoryRange,
  type StallPhase,
  stallPhases,
  type Workload,
  type WorkloadOptions,
} from './workload.ts';
import { WriterTeam } from './writer-team.ts';

/** What differs from one workload to the next. */
export interface TeamWorkloadParts {
  readonly name: string;
  readonly options: WorkloadOptions;
  memory(): readonly MemoryRange[];
  /** Called at rest only. */
  saveState(): GuestState;
  /** Work that a later `saveState` would otherwise have to do. */
  afterResume?(): void;
  /** Called at rest only; the default copies the shared views. */
  copyMemory?(team: WriterTeam): Promise<Map<string, Uint8Array>>;
}

export interface TeamStart {
  /** Paused before the first write. */
  readonly atRest?: boolean;
  /** Threads that were started ahead of time. */
  readonly threads?: WarmThreads;
}

/** A workload whose writers are a team of workers. */
export class TeamWorkload implements Workload {
  readonly name: string;
  readonly options: WorkloadOptions;
  readonly #parts: TeamWorkloadParts;
  readonly #control: ControlBlock;
  readonly #team: WriterTeam;

  /**
   * Resolves when the memory is filled and the load runs, or with `atRest` when it is paused before the first write; rejects with
   * WORKLOAD_START, and leaves nothing running.
   */
  static async start(
    control: ControlBlock,
    tasks: readonly WorkerTask[],
    parts: TeamWorkloadParts,
    { atRest = false, threads }: TeamStart = {},
  ): Promise<TeamWorkload> {
    const team = new WriterTeam(control, tasks, threads && ((task) => threads.take(task)));
    // Before the threads have begun: they rest before their first write.
    const resting = atRest ? team.pause() : undefined;
    await team.started();
    await resting;
    return new TeamWorkload(control, team, parts);
  }

  private constructor(control: ControlBlock, team: WriterTeam, parts: TeamWorkloadParts) {
    this.name = parts.name;
    this.options = parts.options;
    this.#control = control;
    this.#team = team;
    this.#parts = parts;
  }

  get memory(): readonly MemoryRange[] {
    return this.#parts.memory();
  }

  pause(): Promise<void> {
    return this.#team.pause();
  }

  resume(): Promise<void> {
    this.#team.resume();
    this.#parts.afterResume?.();
    return Promise.resolve();
  }

  saveState(): GuestState {
    this.#needsRest('the state');
    return this.#parts.saveState();
  }

  phase(name: StallPhase): void {
    this.#control.setPhase(stallPhases.indexOf(name));
  }

  stalls(): ReturnType<Workload['stalls']> {
    return StallCounts.summarise(this.#writers().map((writer) => this.#control.stalls(writer)));
  }

  progress(): { writes: number } {
    return {
      writes: this.#writers().reduce((sum, writer) => sum + this.#control.writes(writer)[0]!, 0),
    };
  }

  failure(): Error | undefined {
    return this.#team.failure;
  }

  async copyMemory(): Promise<Map<string, Uint8Array>> {
    this.#needsRest('a copy of the memory');
    if (this.#parts.copyMemory) return await this.#parts.copyMemory(this.#team);
    return new Map(this.memory.map((range) => [range.name, new Uint8Array(range.view!)]));
  }

  stop(): Promise<void> {
    return this.#team.stop();
  }

  #writers(): number[] {
    return Array.from({ length: this.#control.writerCount }, (_, writer) => writer);
  }

  #needsRest(what: string): void {
    if (!this.#team.paused) {
      throw new WorkloadError('WORKLOAD_NOT_PAUSED', `${what} can only be had while the workload is paused`);
    }
  }
}
