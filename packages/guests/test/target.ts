import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

const source = path.join(import.meta.dirname, 'targets/target.cc');

/** What a target has made: where, and how large. */
export interface Made {
  readonly address: bigint;
  readonly sizeBytes: number;
}

/** The program of targets/target.cc, and processes that run it; all gone when disposed of. */
export class TargetProgram {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'stillframe-target-'));
  readonly file = path.join(this.folder, 'target');
  readonly #children = new Set<ChildProcess>();

  constructor() {
    execFileSync('g++', ['-O1', '-g', '-fno-omit-frame-pointer', '-pthread', '-o', this.file, source], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** Resolves when the process has made what `mode` says. */
  async start(mode: string, argument = '', through: readonly string[] = []): Promise<Target> {
    const words = [...through, this.file, mode, argument];
    const child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.add(child);
    const made = new Map<string, Made>();
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready') return new Target(child, made);
      const [name = '', address = '', sizeBytes = ''] = line.split(' ');
      made.set(name, { address: BigInt(`0x${address}`), sizeBytes: Number(sizeBytes) });
    }
    throw new Error(`the target ${mode} ended before it was ready`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      // oxlint-disable-next-line no-await-in-loop -- few children
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Target {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly #made: ReadonlyMap<string, Made>;

  constructor(child: ChildProcess, made: ReadonlyMap<string, Made>) {
    this.child = child;
    this.pid = child.pid!;
    this.#made = made;
  }

  made(name: string): Made {
    const found = this.#made.get(name);
    if (found === undefined) throw new Error(`the target made no ${name}`);
    return found;
  }

  /** Ends it by itself and tells its exit code: 0 when nothing was broken. */
  async end(): Promise<number | null> {
    const gone = once(this.child, 'exit');
    this.child.stdin?.end();
    const [code] = await gone;
    return typeof code === 'number' ? code : null;
  }
}
