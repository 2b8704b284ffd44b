import { fstatSync } from 'node:fs';
import { decodeMachine, IncomingMachine, type SavedMachine, startMachine } from '@stillframe/guests/qemu';
import type { LazyMemory, MissingPages, MovingTarget } from '@stillframe/migration';
import type { GuestState, Region } from '@stillframe/snapshot';
import type { ChildEnd } from '../exec/exec-child.ts';
import { MemoryFiles } from '../exec/memory-files.ts';
import { lazyMachineMemory } from './lazy-machine-memory.ts';
import { MachineProcess, ramOf } from './machine-process.ts';
import { checkedMachine, type MachineTargetOptions } from './machine-target.ts';

/**
 * A virtual machine that moves here.
 *
 * Ordering: QEMU is started before the first page comes, while the machine still runs at its source, because that takes a good part of a
 * second. What QEMU writes to the memory when it starts is overwritten. Its devices are loaded before this side agrees to take the
 * machine over, so a QEMU that refuses them costs nothing; only `start` lets it run (I-5).
 */
export class MachineMovingTarget implements MovingTarget {
  readonly #options: MachineTargetOptions;
  #regions: readonly Region[] = [];
  #files: MemoryFiles | undefined;
  #process: MachineProcess | undefined;
  #incoming: IncomingMachine | undefined;
  #machine: SavedMachine | undefined;

  constructor(options: MachineTargetOptions) {
    this.#options = options;
  }

  /** Throws CliError or QemuError when QEMU does not start. */
  async allocate(regions: readonly Region[]): Promise<void> {
    this.#regions = regions;
    const files = new MemoryFiles(regions);
    this.#files = files;
    const running = await MachineProcess.start({ ...this.#options, ram: ramOf(regions), fds: files.fds });
    this.#process = running;
    // The disks stay the source's until the machine runs here.
    await running.qmp.execute('migrate-set-capabilities', {
      capabilities: [{ capability: 'late-block-activate', state: true }],
    });
    this.#incoming = await IncomingMachine.open(ramOf(regions), {
      qmp: running.qmp,
      directory: running.folder,
    });
    files.fds.forEach((fd, id) => {
      if (fstatSync(fd).blocks > 0) files.assumeWritten(id);
    });
  }

  writePages: MovingTarget['writePages'] = (region, runs, bytes) => this.#files!.write(region, runs, bytes);

  /** Throws QemuError when QEMU does not take the devices, or has ended meanwhile. */
  async loadState(state: GuestState): Promise<void> {
    const machine = checkedMachine(decodeMachine(state), this.#regions);
    const incoming = this.#incoming;
    if (incoming === undefined) throw new Error('there is no QEMU');
    await incoming.load(machine);
    this.#machine = machine;
  }

  /** Throws TraceError or UffdError when QEMU cannot be given missing memory. */
  async lazy(missing: readonly MissingPages[]): Promise<LazyMemory> {
    const { qmp, pid } = this.#started();
    return await lazyMachineMemory({ qmp, pid, regions: this.#regions, fds: this.#files!.fds }, missing);
  }

  /** A machine that was paused at the source is paused here. */
  async start(): Promise<void> {
    const running = this.#started();
    // Here the machine is whole, and ours, even if we end before it goes on; or what serves its memory watches it.
    running.letGo();
    const staysPaused = this.#options.command.includes('-S') || this.#machine?.manifest.wasRunning !== true;
    if (!staysPaused) await startMachine(running.qmp);
    this.#files?.close();
  }

  async pause(): Promise<void> {
    await this.#started().qmp.execute('stop');
  }

  async resume(): Promise<void> {
    await startMachine(this.#started().qmp);
  }

  async discard(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    await running?.destroy();
    this.#files?.close();
  }

  /** A signal for QEMU, if there is one. */
  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Resolves when QEMU has ended; undefined when there is none. */
  async ended(): Promise<ChildEnd | undefined> {
    return await this.#process?.ended;
  }

  #started(): MachineProcess {
    if (this.#process === undefined) throw new Error('there is no QEMU');
    return this.#process;
  }
}
