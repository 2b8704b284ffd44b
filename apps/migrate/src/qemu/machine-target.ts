import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import {
  decodeMachine,
  loadMachine,
  QemuError,
  QmpClient,
  type SavedMachine,
  startMachine,
} from '@stillframe/guests/qemu';
import type { GuestState, Region, Target } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import type { ChildEnd } from '../exec/exec-child.ts';
import { MemoryFiles } from '../exec/memory-files.ts';
import { machineCommand } from './machine-command.ts';

export interface MachineTargetOptions {
  /** QEMU and its arguments, as for a machine of the same make. */
  readonly command: readonly string[];
  /** Where its stdout goes; `stderr` where ours carries JSON. */
  readonly stdout: 'stdout' | 'stderr';
}

/** Descriptors 0 to 2 are those of every process. */
const FIRST_MEMORY_FD = 3;

/** An image, or a picture that arrives, as a virtual machine. QEMU is started at the commit, and owns the machine from then on. */
export class MachineTarget implements Target {
  readonly #options: MachineTargetOptions;
  #regions: readonly Region[] = [];
  #files: MemoryFiles | undefined;
  #machine: SavedMachine | undefined;
  #child: ChildProcess | undefined;
  #ended: Promise<ChildEnd> | undefined;

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
    const machine = this.#checked();
    const folder = mkdtempSync(path.join(tmpdir(), 'stillframe-qemu-'));
    const at = path.join(folder, 'qmp');
    try {
      await this.#spawn(machineCommand(this.#options.command, { ...machine, memoryPath, qmp: at }));
      const qmp = await this.#connect(at);
      try {
        await loadMachine(machine, { qmp, directory: folder });
        const staysPaused = this.#options.command.includes('-S') || !machine.manifest.wasRunning;
        if (!staysPaused) await startMachine(qmp);
      } finally {
        qmp.close();
      }
    } catch (error) {
      this.#child?.kill('SIGKILL');
      await this.#ended;
      this.#child = undefined;
      throw error;
    } finally {
      this.#files?.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async discard(): Promise<void> {
    this.#files?.close();
  }

  /** A signal for QEMU, if there is one. */
  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Resolves when QEMU has ended. */
  async ended(): Promise<ChildEnd> {
    if (this.#ended === undefined) throw new Error('no machine was started');
    return await this.#ended;
  }

  /** The state says which memory there is; the regions of the stream have to agree (I-6). */
  #checked(): SavedMachine {
    const machine = this.#machine;
    if (machine === undefined)
      throw new QemuError('QEMU_STATE_INVALID', 'the state of the machine has not come');
    const { ram } = machine.manifest;
    const agrees = this.#regions.every(
      ({ name, sizeBytes }, at) => ram[at]?.id === name && ram[at].sizeBytes === sizeBytes,
    );
    if (agrees && ram.length === this.#regions.length) return machine;
    throw new QemuError('QEMU_STATE_INVALID', 'the memory of the image is not what its machine has');
  }

  async #spawn([program = '', ...args]: string[]): Promise<void> {
    const out = this.#options.stdout === 'stderr' ? 2 : 'inherit';
    const child = spawn(program, args, { stdio: ['inherit', out, 'inherit', ...this.#opened().fds] });
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (cause) => {
        this.#ended = undefined;
        reject(
          new CliError('REFUSED', `cannot start ${program}: ${cause.message}`, {
            cause,
            hint: 'Is QEMU installed?',
          }),
        );
      });
    });
    this.#child = child;
  }

  /** QEMU makes its socket before it waits for its devices, some time after it was started. */
  async #connect(at: string): Promise<QmpClient> {
    const child = this.#child!;
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- until it is there
        return await QmpClient.connect(at);
      } catch (error) {
        if (!(error instanceof QemuError) || error.code !== 'QEMU_UNREACHABLE') throw error;
        // oxlint-disable-next-line no-await-in-loop -- as above
        await setTimeout(LOOK_MS);
        if (child.exitCode !== null || child.signalCode !== null)
          throw new QemuError('QEMU_INCOMING_FAILED', 'QEMU ended before it took the machine', {
            cause: error,
          });
      }
    }
  }

  #opened(): MemoryFiles {
    if (this.#files === undefined) throw new Error('pages came before the regions');
    return this.#files;
  }
}

/** Between two looks for the socket. */
const LOOK_MS = 10;

/** QEMU opens what it inherits by name; the file has no other, and goes with the machine. */
function memoryPath(index: number): string {
  return `/proc/self/fd/${FIRST_MEMORY_FD + index}`;
}
