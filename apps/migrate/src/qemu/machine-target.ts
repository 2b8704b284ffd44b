import {
  decodeMachine,
  loadMachine,
  QemuError,
  type SavedMachine,
  startMachine,
} from '@stillframe/guests/qemu';
import type { GuestState, Region, Target } from '@stillframe/snapshot';
import type { ChildEnd } from '../exec/exec-child.ts';
import { MemoryFiles } from '../exec/memory-files.ts';
import { MachineProcess, type MachineProcessOptions } from './machine-process.ts';

export type MachineTargetOptions = Pick<MachineProcessOptions, 'command' | 'stdout'>;

/** An image, or a picture that arrives, as a virtual machine. QEMU is started at the commit, and owns the machine from then on. */
export class MachineTarget implements Target {
  readonly #options: MachineTargetOptions;
  #regions: readonly Region[] = [];
  #files: MemoryFiles | undefined;
  #machine: SavedMachine | undefined;
  #process: MachineProcess | undefined;

  constructor(options: MachineTargetOptions) {
    this.#options = options;
  }

  async allocate(regions: readonly Region[]): Promise<void> {
    this.#regions = regions;
    this.#files = new MemoryFiles(regions);
  }

  async writeState(state: GuestState): Promise<void> {
    this.#machine = decodeMachine({ kind: state.kind, bytes: state.bytes.slice() });
  }

  writePages: Target['writePages'] = async (region, runs, bytes) => this.#opened().write(region, runs, bytes);

  readPages(region: number, firstPage: number, pages: Uint8Array): void {
    this.#opened().read(region, firstPage, pages);
  }

  /** Throws QemuError or CliError; QEMU is ended then. */
  async commit(): Promise<void> {
    try {
      const machine = checkedMachine(this.#machine, this.#regions);
      const { ram, commandLine, wasRunning } = machine.manifest;
      const { fds } = this.#opened();
      const running = await MachineProcess.start({ ...this.#options, ram, commandLine, fds });
      try {
        await loadMachine(machine, { qmp: running.qmp, directory: running.folder });
        running.letGo();
        if (wasRunning && !this.#options.command.includes('-S')) await startMachine(running.qmp);
      } catch (error) {
        await running.destroy();
        throw error;
      }
      running.tidy();
      this.#process = running;
    } finally {
      this.#files?.close();
    }
  }

  async discard(): Promise<void> {
    this.#files?.close();
  }

  /** A signal for QEMU, if there is one. */
  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Resolves when QEMU has ended. */
  async ended(): Promise<ChildEnd> {
    if (this.#process === undefined) throw new Error('no machine was started');
    return await this.#process.ended;
  }

  #opened(): MemoryFiles {
    if (this.#files === undefined) throw new Error('pages came before the regions');
    return this.#files;
  }
}

/** The state says which memory there is; the regions of the stream have to agree (I-6). */
export function checkedMachine(machine: SavedMachine | undefined, regions: readonly Region[]): SavedMachine {
  if (machine === undefined)
    throw new QemuError('QEMU_STATE_INVALID', 'the state of the machine has not come');
  const { ram } = machine.manifest;
  const agrees = regions.every(
    ({ name, sizeBytes }, at) => ram[at]?.id === name && ram[at].sizeBytes === sizeBytes,
  );
  if (agrees && ram.length === regions.length) return machine;
  throw new QemuError('QEMU_STATE_INVALID', 'the memory of the image is not what its machine has');
}
