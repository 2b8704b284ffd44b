import type { Ours } from './ours.ts';
import type { Peers } from './peers.ts';
import type { Row } from './row.ts';

/** One goal of the project, measured against what it is a goal relative to. */
export interface Benchmark {
  readonly name: string;
  /** One line for `--list`. */
  readonly summary: string;
  run(context: Context): Promise<Row[]>;
}

/** What a benchmark works with. */
export interface Context {
  /** Size of the guest where the work goes at memory speed. */
  readonly guestBytes: number;
  /** Size of the guest where a run lasts seconds. */
  readonly smallGuestBytes: number;
  /** How much data a process of others has that is pictured while it works. */
  readonly processBytes: number;
  /** How long each stall of the stalling sink is. */
  readonly stallMs: number;
  readonly rounds: number;
  /** Rounds of what lasts seconds. */
  readonly longRounds: number;
  readonly peers: Peers;
  readonly ours: Ours;
  /** The bundled command line of the migrate app. */
  readonly migrateProgram: string;
  /** In memory (tmpfs), for what is no image. Everything in it goes at the end of the run. */
  readonly folder: string;
  /** Gives `use` the path of a file in memory (tmpfs) that is not there yet, and removes the file afterwards. */
  readonly withFile: <T>(use: (path: string) => Promise<T>) => Promise<T>;
  /** For whoever watches. */
  readonly progress: (text: string) => void;
}

export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
