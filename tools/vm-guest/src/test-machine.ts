import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** Seen from here as from the bundled tools/bench. */
const FOLDER = path.resolve(import.meta.dirname, '../../vm-guest');
const BUILT = path.resolve(FOLDER, '../../.tools/vm-guest');
/** Another QEMU than the one that is installed, to try its version: a program, without arguments. */
const QEMU = process.env['STILLFRAME_QEMU'] ?? 'qemu-system-x86_64';
/** A machine under TCG boots in some seconds, on a busy host in some more. */
const ANSWER_MS = 60_000;

export interface TestMachineOptions {
  /** Pages that the writer stamps. Default 16,384 (64 MiB). */
  readonly pages?: number;
  /** Stamps a second. Default 20,000. */
  readonly rate?: number;
  readonly memoryMiB?: number;
  readonly accelerator?: 'tcg' | 'kvm';
  /** Instead of shared memory: what a machine has that was not started for this. */
  readonly isPrivate?: boolean;
  /** More arguments for QEMU. */
  readonly more?: readonly string[];
  /** Of the command line that starts QEMU, the one that starts it elsewhere, such as in a network namespace. */
  readonly within?: (command: readonly string[]) => readonly string[];
}

/** What the machine measured of its own writes. */
export interface GuestStalls {
  readonly stamps: number;
  readonly longestNs: number;
  /** Bucket and count; `guestStallNs` tells where a bucket ends. */
  readonly counts: readonly (readonly [number, number])[];
}

/** A QEMU with a machine that does nothing but write (guest/init.c). */
export class TestMachine {
  readonly qmp: string;
  readonly process: ChildProcess;
  readonly #folder: string;
  readonly #heard: unknown[] = [];
  readonly errors: string[] = [];
  #listener: (() => void) | undefined;

  /** Builds what is missing, boots, and resolves when the machine writes. */
  static async boot(options: TestMachineOptions = {}): Promise<TestMachine> {
    buildTestMachine();
    const folder = mkdtempSync('/dev/shm/stillframe-vm-');
    const machine = new TestMachine(folder, machineCommand(folder, options));
    try {
      await machine.hear('ready');
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  /** A QEMU that waits for a machine (`-incoming defer -S`), over the memory in `folder`/ram0, which it owns from now on. */
  static waiting(folder: string, options: TestMachineOptions = {}): TestMachine {
    return new TestMachine(folder, [...machineCommand(folder, options), '-incoming', 'defer', '-S']);
  }

  /** What starts a machine by itself, and passes signals on to it. */
  static run(command: readonly string[]): TestMachine {
    return new TestMachine(mkdtempSync('/dev/shm/stillframe-vm-'), command);
  }

  private constructor(folder: string, command: readonly string[]) {
    this.#folder = folder;
    this.qmp = path.join(folder, 'qmp');
    const [program = '', ...args] = command;
    this.process = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    process.once('exit', this.#end);
    createInterface({ input: this.process.stdout! }).on('line', (line) => {
      if (!line.startsWith('SF ')) return;
      this.#heard.push(JSON.parse(line.slice(3)));
      this.#listener?.();
    });
    createInterface({ input: this.process.stderr! }).on('line', (line) => {
      this.errors.push(line);
      this.#listener?.();
    });
  }

  /** The file of its memory, unless that is private. */
  get ram(): string {
    return path.join(this.#folder, 'ram0');
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** The machine's own check of all its pages. */
  async check(): Promise<{ check: string; wrongPages: number; newest: number }> {
    const heard: unknown = await this.#ask('c', 'check');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- guest/init.c writes it so
    return heard as { check: string; wrongPages: number; newest: number };
  }

  /** Since the last time. */
  async stalls(): Promise<GuestStalls> {
    const heard: unknown = await this.#ask('s', 'stamps');
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- guest/init.c writes it so
    return heard as GuestStalls;
  }

  powerOff(): void {
    this.process.stdin!.write('q');
  }

  /** It does not wake up. */
  fallAsleep(): void {
    this.process.stdin!.write('z');
  }

  /** The exit code. */
  async ended(): Promise<number | null> {
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, 'exit');
    return this.process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGTERM');
    await this.ended();
    this.#end();
    process.off('exit', this.#end);
  }

  /** A QEMU that is asked to end while it saves its devices may never do so. */
  readonly #end = (): void => {
    this.process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  };

  /** The next line of the machine that has this member. */
  async hear(member: string): Promise<unknown> {
    return await this.#until(member, () => {
      const found = this.#heard.findIndex(
        (line) => typeof line === 'object' && line !== null && member in line,
      );
      return found < 0 ? undefined : this.#heard.splice(found, 1)[0];
    });
  }

  /** Resolves when this is on stderr. */
  async says(words: string): Promise<void> {
    await this.#until(words, () => this.errors.find((line) => line.includes(words)));
  }

  async #until(what: string, find: () => unknown): Promise<unknown> {
    const signal = AbortSignal.timeout(ANSWER_MS);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      // oxlint-disable-next-line no-await-in-loop -- until it has come
      await new Promise<void>((resolve, reject) => {
        const fail = () => reject(new Error(`no ${what}; QEMU says: ${this.errors.join(' | ')}`));
        this.#listener = () => {
          signal.removeEventListener('abort', fail);
          this.process.off('exit', fail);
          resolve();
        };
        signal.addEventListener('abort', fail);
        this.process.once('exit', fail);
      });
    }
  }

  async #ask(letter: string, member: string): Promise<unknown> {
    this.process.stdin!.write(letter);
    return await this.hear(member);
  }
}

/** Idempotent, and quick when all is there. */
export function buildTestMachine(): void {
  execFileSync(path.join(FOLDER, 'build.sh'), [BUILT], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/** A machine in `folder`, which its QEMU listens in. */
export function machineCommand(
  folder: string,
  { within = (command) => command, ...options }: TestMachineOptions,
): readonly string[] {
  const backend =
    options.isPrivate === true
      ? 'memory-backend-ram,share=off'
      : `memory-backend-file,share=on,mem-path=${folder}/ram0`;
  return within([...machineWords(backend, options), '-qmp', `unix:${folder}/qmp,server=on,wait=off`]);
}

/** The machine without a way to ask its QEMU; `backend` is what its memory is. */
export function machineWords(
  backend: string,
  { pages = 16384, rate = 20000, memoryMiB = 256, accelerator = 'tcg', more = [] }: TestMachineOptions = {},
): string[] {
  const append = `console=ttyS0 quiet panic=-1 transparent_hugepage=never sf_pages=${pages} sf_rate=${rate}`;
  const words = [
    `${QEMU} -accel ${accelerator} -machine pc,memory-backend=ram0 -m ${memoryMiB}M`,
    `-object ${backend},id=ram0,size=${memoryMiB}M`,
    '-nodefaults -display none -no-reboot -serial stdio -vga std',
    `-kernel ${BUILT}/kernel -initrd ${BUILT}/initrd.img -append`,
  ];
  return [...words.join(' ').split(' '), append, ...more];
}

const SUB_BUCKETS = 8;

/** The quantile of what the machine measured, as the upper end of its bucket, in nanoseconds. */
export function guestStallNs({ stamps, counts }: GuestStalls, quantile: number): number {
  let left = Math.ceil(stamps * quantile);
  for (const [bucket, count] of counts) {
    left -= count;
    if (left <= 0) return bucketEndNs(bucket);
  }
  return 0;
}

function bucketEndNs(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket + 1;
  const power = Math.floor(bucket / SUB_BUCKETS) + 2;
  return 2 ** power + ((bucket % SUB_BUCKETS) + 1) * 2 ** (power - 3);
}
