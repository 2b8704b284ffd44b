import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** What a target has made: where, and how large. */
export interface Made {
  readonly address: bigint;
  readonly sizeBytes: number;
}

/** A program of targets/, and processes that run it; all gone when disposed of. */
export class TargetProgram {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'stillframe-target-'));
  readonly file = path.join(this.folder, 'target');
  readonly #children = new Set<ChildProcess>();

  constructor(name: 'busy' | 'puppet' | 'target' = 'target') {
    const source = path.join(import.meta.dirname, `targets/${name}.cc`);
    execFileSync('g++', ['-O1', '-g', '-fno-omit-frame-pointer', '-pthread', '-o', this.file, source], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  /** Resolves when the process has made what `mode` says. */
  async start(mode: string, argument = '', through: readonly string[] = []): Promise<Target> {
    const words = [...through, this.file, mode, argument];
    // Without rseq: there the kernel writes the processor that the thread runs on, also while the thread does nothing.
    const env = { ...process.env, GLIBC_TUNABLES: 'glibc.pthread.rseq=0' };
    const child = spawn(words[0]!, words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], env });
    this.#children.add(child);
    const target = new Target(child);
    createInterface({ input: child.stdout }).on('line', (line) => target.hear(line));
    await target.ready();
    return target;
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
  readonly #made = new Map<string, Made>();
  readonly #news = new EventEmitter();
  #isReady = false;

  constructor(child: ChildProcess) {
    this.child = child;
    this.pid = child.pid!;
    this.#news.setMaxListeners(0);
    child.once('exit', () => this.#news.emit('news'));
  }

  hear(line: string): void {
    if (line === 'ready') {
      this.#isReady = true;
      this.#news.emit('news');
      return;
    }
    const [name = '', address = '', sizeBytes = ''] = line.split(' ');
    if (name === 'done') {
      this.#news.emit(line);
      return;
    }
    this.#made.set(name, { address: BigInt(`0x${address}`), sizeBytes: Number(sizeBytes) });
  }

  /** Resolves when it has said so, once for each call. */
  async ready(): Promise<void> {
    if (!this.#isReady) await once(this.#news, 'news');
    if (!this.#isReady) throw new Error('the target ended before it was ready');
    this.#isReady = false;
  }

  made(name: string): Made {
    const found = this.#made.get(name);
    if (found === undefined) throw new Error(`the target made no ${name}`);
    return found;
  }

  /** Of the puppet: resolves when it has written, which it does not while it stands still or sleeps in a fault. */
  async write(region: number, page: number, bytes: Uint8Array): Promise<void> {
    const done = once(this.#news, `done ${region} ${page}`);
    this.child.stdin?.write(`${region} ${page} ${Buffer.from(bytes).toString('hex')}\n`);
    await done;
  }

  /** Ends it by itself and tells its exit code: 0 when nothing was broken. */
  async end(): Promise<number | null> {
    const gone = once(this.child, 'exit');
    this.child.stdin?.end();
    const [code] = await gone;
    return typeof code === 'number' ? code : null;
  }
}
