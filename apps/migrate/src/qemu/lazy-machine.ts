import { setTimeout } from 'node:timers/promises';
import { serveMachine, type SavedMachine, startMachine, loadMachine } from '@stillframe/guests/qemu';
import { ImageFill, type ImageFiles, type LostRun } from '@stillframe/guests/lazy';
import type { StoredImage } from '@stillframe/page-stream';
import type { PageOrder, PageServer } from '@stillframe/uffd';
import { CliError } from '../cli-error.ts';
import type { ChildEnd } from '../exec/exec-child.ts';
import { MemoryFiles } from '../exec/memory-files.ts';
import { fillOptions } from '../lazy/lazy-options.ts';
import { figuresOf, type ServeFigures } from '../lazy/serve-figures.ts';
import { MachineProcess } from './machine-process.ts';
import type { MachineTargetOptions } from './machine-target.ts';

export interface LazyMachineOptions extends MachineTargetOptions {
  readonly image: StoredImage;
  readonly files: ImageFiles;
  readonly machine: SavedMachine;
  /** What is fetched ahead first. */
  readonly order: readonly PageOrder[];
  readonly prefetchBytesPerSecond: number;
}

/** What became of the memory of a machine. */
export interface ServedMemory {
  readonly figures: ServeFigures;
  readonly touched: readonly PageOrder[];
}

/** Between two looks at whether everything has come, or something cannot. */
const LOOK_MS = 25;
/** Of memory that QEMU maps from a file in memory. */
const PAGE_BYTES = 4096;

/**
 * A machine that runs before its memory has come: pages come from the image when they are touched, by its processors or its devices, and
 * ahead.
 *
 * Damage: a page that cannot be had is never zeros. Whoever touches it is ended by the kernel (SIGBUS); and as soon as it is known, touched
 * or not, QEMU is ended here, because a machine must not go on towards it.
 * Ours: if we are killed while pages are missing, QEMU is ended (`MachineWatch`).
 */
export class LazyMachine {
  readonly #running: MachineProcess;
  readonly #memory: MemoryFiles;
  readonly #server: PageServer;
  readonly #fill: ImageFill;
  readonly #endWatch: () => void;
  readonly #lost: LostRun[];
  #failure: unknown;
  #closing: Promise<ServedMemory> | undefined;

  /** Throws CliError DAMAGED when the devices need a page that cannot be had, QemuError, TraceError, UffdError; there is no QEMU then. */
  static async start(options: LazyMachineOptions): Promise<LazyMachine> {
    const { machine, image, command } = options;
    assertSmallPages(image);
    const { ram, commandLine, wasRunning } = machine.manifest;
    const memory = new MemoryFiles(image.regions);
    let running: MachineProcess | undefined;
    let lazy: LazyMachine | undefined;
    try {
      running = await MachineProcess.start({ ...options, ram, commandLine, fds: memory.fds });
      lazy = await LazyMachine.#serve(running, memory, options);
      await loadMachine(machine, { qmp: running.qmp, directory: running.folder });
      // The watch of the memory has it now.
      running.letGo();
      if (wasRunning && !command.includes('-S')) await startMachine(running.qmp);
      return lazy;
    } catch (error) {
      await running?.destroy();
      await lazy?.close();
      memory.close();
      throw lazy?.failureAfter(error) ?? error;
    }
  }

  static async #serve(
    running: MachineProcess,
    memory: MemoryFiles,
    { image, files, order, prefetchBytesPerSecond }: LazyMachineOptions,
  ): Promise<LazyMachine> {
    const { qmp, pid } = running;
    const { regions } = image;
    const all = regions.map(({ id, sizeBytes, pageSize }) => ({
      region: id,
      firstPage: 0,
      pageCount: sizeBytes / pageSize,
    }));
    const { fds } = memory;
    const { server, end } = await serveMachine({ qmp, pid, regions, fds, ranges: all, missing: all });
    const lost: LostRun[] = [];
    try {
      const fill = await ImageFill.start(server, files, {
        ...fillOptions(),
        onLost: (run) => lost.push(run),
      });
      server.prefetch(order, prefetchBytesPerSecond);
      return new LazyMachine({ running, memory, server, fill, end, lost });
    } catch (error) {
      await running.destroy();
      server.close({ missing: 'zero' });
      end();
      throw error;
    }
  }

  private constructor(parts: {
    readonly running: MachineProcess;
    readonly memory: MemoryFiles;
    readonly server: PageServer;
    readonly fill: ImageFill;
    readonly end: () => void;
    readonly lost: LostRun[];
  }) {
    this.#running = parts.running;
    this.#memory = parts.memory;
    this.#server = parts.server;
    this.#fill = parts.fill;
    this.#endWatch = parts.end;
    this.#lost = parts.lost;
  }

  get missingPages(): number {
    return this.#server.stats().missingPages;
  }

  /** A signal for QEMU. */
  kill(signal: NodeJS.Signals): void {
    this.#running.kill(signal);
  }

  /** Resolves when every page has come, or QEMU has ended: nothing is served any more. */
  async served(): Promise<ServedMemory> {
    const ended = this.#running.ended.then(() => 'ended');
    while (!this.#server.closed && this.missingPages > 0) {
      // oxlint-disable-next-line no-await-in-loop -- look by look
      if ((await Promise.race([ended, setTimeout(LOOK_MS)])) === 'ended') break;
      this.#failure ??= this.#server.failure ?? this.#fill.failure;
      if (this.#failure !== undefined || this.#lost.length > 0) this.#running.kill('SIGKILL');
    }
    return await this.close();
  }

  /** Throws CliError DAMAGED for pages that could not be had, and whatever else went wrong. */
  async ended(): Promise<ChildEnd> {
    const end = await this.#running.ended;
    this.#running.tidy();
    // With what the thread that fills pages has told until then.
    await this.close();
    const failure = this.failureAfter(undefined);
    if (failure !== undefined) throw failure;
    return end;
  }

  /** @internal What went wrong, if anything did. */
  failureAfter(cause: unknown): unknown {
    const [first] = this.#lost;
    if (first === undefined) return this.#failure;
    const { region, firstPage, message } = first;
    return new CliError(
      'DAMAGED',
      `page ${firstPage} of region ${region} cannot be had: ${message}; the machine was ended`,
      {
        cause,
        hint: 'What it did since it was restored is lost, but for its disks. `migrate verify` says what is damaged, `migrate salvage` saves the rest.',
      },
    );
  }

  /** @internal Idempotent. QEMU has ended, or every page has come. */
  close(): Promise<ServedMemory> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<ServedMemory> {
    const server = this.#server;
    const served = { figures: figuresOf(server), touched: server.touched() };
    // Nobody is left to see the zeros.
    server.close({ missing: 'zero' });
    this.#endWatch();
    this.#memory.close();
    await this.#fill[Symbol.asyncDispose]();
    return served;
  }
}

function assertSmallPages({ regions }: StoredImage): void {
  const large = regions.find(({ pageSize }) => pageSize !== PAGE_BYTES);
  if (large === undefined) return;
  throw new CliError('REFUSED', `memory ${large.name} has pages of ${large.pageSize} bytes`, {
    hint: `With --lazy a machine gets pages of ${PAGE_BYTES}. Restore it without.`,
  });
}
