import { describeLimiters, type Limiter, limiterFromConfig } from '@stillframe/limiter';
import { BASE_ID } from './base-line.ts';
import type { StoreMode } from './scenario.ts';

/** A policy with its options and the way pages are kept: what is compared. */
export interface Contestant {
  /** What it is called; unique. */
  readonly id: string;
  /** What the limiter was made of, for a process that makes it again. */
  readonly config: Config;
  readonly limiter: Limiter;
  /** The limiter's name. */
  readonly policy: string;
  readonly store: StoreMode;
}

/** A policy of the registry that takes no part, and why. */
export interface Absent {
  readonly policy: string;
  readonly reason: string;
}

export type Config = string | Readonly<Record<string, unknown>>;

interface Entry {
  readonly id: string;
  readonly config: Config;
}

/**
 * Options that make sense for a guest of some hundred MiB and a sink of 50 MB/s. A policy of the registry without an entry here takes part
 * with its defaults, if it has any.
 */
const OPTIONS: Readonly<Record<string, readonly Entry[]>> = {
  'token-bucket': [
    { id: 'token-bucket 50 MB/s', config: { name: 'token-bucket', rate: '50MB/s' } },
    { id: 'token-bucket 200 MB/s', config: { name: 'token-bucket', rate: '200MB/s' } },
  ],
  schedule: [
    {
      id: 'schedule 50 MB/s for 1 s',
      config: {
        name: 'schedule',
        rates: [
          { afterMs: 0, rate: '50MB/s' },
          { afterMs: '1s', rate: 'unlimited' },
        ],
      },
    },
  ],
  deadline: [{ id: 'deadline 8 s', config: { name: 'deadline', afterMs: '8s' } }],
  aimd: [
    { id: 'aimd 1 ms', config: 'aimd' },
    { id: 'aimd 150 µs', config: { name: 'aimd', targetMs: 0.15 } },
  ],
  pid: [
    { id: 'pid 1 ms', config: 'pid' },
    { id: 'pid 150 µs', config: { name: 'pid', targetMs: 0.15 } },
  ],
  min: [{ id: 'min reserve + codel', config: { name: 'min', of: ['reserve', 'codel'] } }],
};

/** Policies that cannot be chosen for everybody. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  module: 'it is a file of the user’s own',
};

/** The base line, then every policy of the registry with a store. */
export function contestants(store: Exclude<StoreMode, 'inline'>): {
  readonly taking: readonly Contestant[];
  readonly absent: readonly Absent[];
} {
  const taking: Contestant[] = [
    contestant(BASE_ID, 'linear-scan', 'linear-scan', 'inline'),
    contestant('none inline', 'none', 'none', 'inline'),
  ];
  const absent: Absent[] = [];
  for (const { name } of describeLimiters()) {
    const leftOut = LEFT_OUT[name];
    if (leftOut !== undefined) {
      absent.push({ policy: name, reason: leftOut });
      continue;
    }
    for (const { id, config } of OPTIONS[name] ?? [{ id: name, config: name }]) {
      try {
        taking.push(contestant(id, config, name, store));
      } catch (error) {
        absent.push({ policy: id, reason: error instanceof Error ? error.message : String(error) });
      }
    }
  }
  return { taking, absent };
}

function contestant(id: string, config: Config, policy: string, store: StoreMode): Contestant {
  return { id, config, limiter: limiterFromConfig(config), policy, store };
}
