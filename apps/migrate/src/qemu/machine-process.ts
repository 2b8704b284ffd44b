import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { QemuError, QmpClient } from '@stillframe/guests/qemu';
import type { Region } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import type { ChildEnd } from '../exec/exec-child.ts';
import { BoundProgram, FIRST_INHERITED_FD } from './bound-program.ts';
import { machineCommand } from './machine-command.ts';

export interface MachineProcessOptions {
  /** QEMU and its arguments, as for a machine of the same make. */
  readonly command: readonly string[];
  /** Where its stdout goes; `stderr` where ours carries JSON. */
  readonly stdout: 'stdout' | 'stderr';
  /** Its memory, in the order of `fds`. */
  readonly ram: Parameters<typeof machineCommand>[1]['manifest']['ram'];
  /** How the machine was started that comes, if that is known. */
  readonly commandLine?: readonly string[];
  /** Files with the memory; the caller's. */
  readonly fds: readonly number[];
}

/** Between two looks for the socket. */
const LOOK_MS = 10;

/**
 * A QEMU over memory of ours that waits for its devices (`-incoming defer -S`). It is a child: a signal ends it, as it likes, and until it
 * is let go it ends with us, however we do.
 */
export class MachineProcess {
  readonly qmp: QmpClient;
  /** Only we and QEMU may enter it. Gone with `tidy`. */
  readonly folder: string;
  /** Resolves when QEMU has ended. */
  readonly ended: Promise<ChildEnd>;
  readonly #program: BoundProgram;

  /** Throws CliError REFUSED or USAGE for a command that cannot be, QemuError for a QEMU that ends instead. */
  static async start(options: MachineProcessOptions): Promise<MachineProcess> {
    const folder = mkdtempSync(path.join(tmpdir(), 'stillframe-qemu-'));
    const socket = path.join(folder, 'qmp');
    let program: BoundProgram | undefined;
    let ended: Promise<ChildEnd> | undefined;
    try {
      const { command, ram, commandLine = [] } = options;
      const words = machineCommand(command, { manifest: { ram, commandLine }, memoryPath, qmp: socket });
      program = new BoundProgram(words, options);
      ended = endOf(program.child);
      return new MachineProcess(program, ended, folder, await connected(socket, program, words));
    } catch (error) {
      program?.child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(program: BoundProgram, ended: Promise<ChildEnd>, folder: string, qmp: QmpClient) {
    this.#program = program;
    this.ended = ended;
    this.folder = folder;
    this.qmp = qmp;
  }

  get pid(): number {
    return this.#program.child.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.#program.child.kill(signal);
  }

  /** The machine is whole, or somebody else watches it: it goes on whatever becomes of us. Idempotent. */
  letGo(): void {
    this.#program.letGo();
  }

  /** Leaves QEMU to itself: no connection, no files. Idempotent. */
  tidy(): void {
    this.qmp.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Resolves when there is no QEMU any more. */
  async destroy(): Promise<void> {
    this.#program.child.kill('SIGKILL');
    await this.ended;
    this.tidy();
  }
}

/** What a machine has of memory, as its regions say. */
export function ramOf(regions: readonly Region[]): MachineProcessOptions['ram'] {
  return regions.map(({ name, sizeBytes }) => ({ id: name, sizeBytes }));
}

async function endOf(child: ChildProcess): Promise<ChildEnd> {
  return await new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', () => resolve({ code: child.exitCode, signal: child.signalCode }));
  });
}

/** QEMU makes its socket before it waits for its devices, some time after it was started. */
async function connected(
  socket: string,
  program: BoundProgram,
  [name]: readonly string[],
): Promise<QmpClient> {
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it is there
      return await QmpClient.connect(socket);
    } catch (error) {
      if (!(error instanceof QemuError) || error.code !== 'QEMU_UNREACHABLE') throw error;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await setTimeout(LOOK_MS);
      const { exitCode, signalCode } = program.child;
      if (program.wasNotThere) {
        throw new CliError('REFUSED', `cannot start ${name}`, { cause: error, hint: 'Is QEMU installed?' });
      }
      if (exitCode !== null || signalCode !== null) {
        throw new QemuError('QEMU_INCOMING_FAILED', 'QEMU ended before it took the machine', {
          cause: error,
        });
      }
    }
  }
}

/** QEMU opens what it inherits by name; the file has no other, and goes with the machine. */
function memoryPath(index: number): string {
  return `/proc/self/fd/${FIRST_INHERITED_FD + index}`;
}
