import { closeSync } from 'node:fs';
import type { PageRun } from '@stillframe/page-stream';
import type { GuestState, Region, Target } from '@stillframe/snapshot';
import { type ChildEnd, ExecChild, type ExecOptions } from './exec-child.ts';
import { execManifest } from './exec-manifest.ts';
import { memoryFile, MemoryFiles, writeAllAt } from './memory-files.ts';

/** What a child needs: the memory, and the state with it. */
export class ExecMemory {
  readonly #options: ExecOptions;
  #regions: readonly Region[] = [];
  #files: MemoryFiles | undefined;
  #state: GuestState | undefined;
  #child: ExecChild | undefined;

  constructor(options: ExecOptions) {
    this.#options = options;
  }

  get child(): ExecChild | undefined {
    return this.#child;
  }

  allocate(regions: readonly Region[]): void {
    this.#regions = regions;
    this.#files = new MemoryFiles(regions);
  }

  writePages(region: number, runs: readonly PageRun[], bytes: Uint8Array): void {
    this.#opened().write(region, runs, bytes);
  }

  readPages(region: number, firstPage: number, pages: Uint8Array): void {
    this.#opened().read(region, firstPage, pages);
  }

  setState({ kind, bytes }: GuestState): void {
    this.#state = { kind, bytes: bytes.slice() };
  }

  /** Starts the program with everything it needs. The memory is the child's from here on; our descriptors of it are closed. */
  async spawn(): Promise<ExecChild> {
    const files = this.#opened();
    const state = this.#state;
    if (state === undefined) throw new Error('the state has not come');
    const manifest = Buffer.from(`${JSON.stringify(execManifest(this.#regions, state))}\n`);
    const own = [filled('stillframe-manifest', manifest), filled('stillframe-state', state.bytes)];
    try {
      this.#child = await ExecChild.spawn(this.#options, [...own, ...files.fds]);
      return this.#child;
    } finally {
      for (const fd of own) closeSync(fd);
      files.close();
    }
  }

  /** Gives everything up, a child that has been started as well. Idempotent. */
  async discard(): Promise<void> {
    this.#files?.close();
    this.#child?.kill('SIGKILL');
    await this.#child?.ended;
  }

  #opened(): MemoryFiles {
    if (this.#files === undefined) throw new Error('pages came before the regions');
    return this.#files;
  }
}

export interface ExecTarget extends Target {
  /** Resolves when the child has ended; rejects when there was none. */
  ended(): Promise<ChildEnd>;
  /** A signal for the child, if there is one. */
  kill(signal: NodeJS.Signals): void;
}

/** An image, or a picture that arrives, as the memory of a child. It is started at the commit, and owns the memory from then on. */
export function execTarget(options: ExecOptions): ExecTarget {
  const memory = new ExecMemory(options);
  return {
    allocate: async (regions) => memory.allocate(regions),
    writeState: async (state) => memory.setState(state),
    writePages: async (region, runs, bytes) => memory.writePages(region, runs, bytes),
    readPages: (region, firstPage, pages) => memory.readPages(region, firstPage, pages),
    commit: async () => void (await memory.spawn()),
    discard: async () => {
      // After the commit it is the child's.
      if (memory.child === undefined) await memory.discard();
    },
    kill: (signal) => memory.child?.kill(signal),
    ended: async () => {
      if (memory.child === undefined) throw new Error('no child was started');
      return await memory.child.ended;
    },
  };
}

function filled(name: string, bytes: Uint8Array): number {
  const fd = memoryFile(name, bytes.byteLength);
  writeAllAt(fd, bytes, 0);
  return fd;
}
