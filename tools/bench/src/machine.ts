import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { GIB, MIB } from './benchmark.ts';
import { figureOf, type Series, series } from './figure.ts';
import type { Peers } from './peers.ts';

/** Where figures come from. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** The system's setting for transparent huge pages, e.g. `madvise`. */
  readonly hugePages: string;
  /** Processes that ran or wanted to, over the last minute, when the run began. Ours are not in it yet. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / GIB),
    kernel: release(),
    node: process.version,
    hugePages: hugePagesSetting(),
    load: loadavg()[0] ?? 0,
  };
}

function hugePagesSetting(): string {
  try {
    const text = readFileSync('/sys/kernel/mm/transparent_hugepage/enabled', 'utf8');
    return /\[(\w+)\]/.exec(text)?.[1] ?? 'unknown';
  } catch {
    return 'none';
  }
}

const NOISE_BYTES = 256 * MIB;
const SAMPLES_AT_ONCE = 3;
/** Beyond this spread of one and the same memcpy, ratios near their goal say little. */
const STEADY_SPREAD_MAX = 1.15;

/** Runs the same memcpy again and again, between the benchmarks: how steady the machine is. */
export class NoiseMeter {
  readonly #peers: Peers;
  readonly #samples: number[] = [];

  constructor(peers: Peers) {
    this.#peers = peers;
  }

  async measure(): Promise<void> {
    for (let i = 0; i < SAMPLES_AT_ONCE; i++) {
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      const { ns } = await this.#peers.copy(NOISE_BYTES, 'base', 'ring');
      this.#samples.push(NOISE_BYTES / ns);
    }
  }

  get memcpy(): Series {
    return series('memcpy', 'GB/s', this.#samples);
  }

  get isSteady(): boolean {
    const { min, max } = figureOf(this.memcpy);
    return max / min <= STEADY_SPREAD_MAX;
  }
}
