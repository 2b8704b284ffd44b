import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { Duplex } from 'node:stream';
import { CliError } from '../cli-error.ts';
import { CONTROL_FD, execEnvironment } from './exec-manifest.ts';

export interface ExecOptions {
  /** The program and its arguments. */
  readonly command: readonly string[];
  /** Where its stdout goes; `stderr` where ours carries JSON. Default stdout. */
  readonly stdout?: 'stdout' | 'stderr';
  /** A child that says nothing for so long is given up. Default 30,000 ms. */
  readonly readyMs?: number;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const READY_DEFAULT_MS = 30_000;

/**
 * A child with guest memory as inherited descriptors. We say `start`, `pause` and `resume`, it answers `ready` (once, when it has taken the
 * memory up), `started`, `paused` and `resumed`: a word and a line end each, over the channel on CONTROL_FD, whose end tells each side that
 * the other is gone.
 */
export class ExecChild {
  readonly #process: ChildProcess;
  readonly #lines: Interface;
  readonly #channel: Duplex;
  readonly #readyMs: number;
  readonly #heard: string[] = [];
  #listener: ((word: string | undefined) => void) | undefined;
  /** Resolves when the child has ended. */
  readonly ended: Promise<ChildEnd>;
  #end: ChildEnd | undefined;

  /** Throws CliError REFUSED for a program that cannot be started. `fds` become CONTROL_FD + 1 and so on; they stay the caller's. */
  static async spawn(options: ExecOptions, fds: readonly number[]): Promise<ExecChild> {
    const [program = '', ...args] = options.command;
    const child = spawn(program, args, {
      stdio: ['inherit', options.stdout === 'stderr' ? 2 : 'inherit', 'inherit', 'pipe', ...fds],
      env: { ...process.env, ...execEnvironment() },
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', () => resolve());
      child.once('error', (cause) =>
        reject(
          new CliError('REFUSED', `cannot start ${program}: ${cause.message}`, { cause, hint: START_HINT }),
        ),
      );
    });
    return new ExecChild(child, options.readyMs ?? READY_DEFAULT_MS);
  }

  private constructor(child: ChildProcess, readyMs: number) {
    this.#process = child;
    this.#readyMs = readyMs;
    const channel = child.stdio[CONTROL_FD];
    if (!(channel instanceof Duplex)) throw new TypeError('the channel to a child goes both ways');
    this.#channel = channel;
    this.#lines = createInterface({ input: this.#channel });
    this.#lines.on('line', (line) => this.#hear(line.slice(0, WORD_MAX)));
    // The end of the process says more than a broken channel does.
    this.#channel.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#end = { code, signal };
        this.#listener?.(undefined);
        resolve(this.#end);
      });
    });
  }

  /** Undefined while it runs. */
  get end(): ChildEnd | undefined {
    return this.#end;
  }

  /** Throws CliError REFUSED when the child ends instead, says something else, or takes too long. */
  async expect(word: string): Promise<void> {
    const heard = this.#heard.shift() ?? (await this.#next());
    if (heard === word) return;
    const why =
      heard === undefined
        ? this.#end === undefined
          ? `nothing for ${this.#readyMs} ms`
          : `nothing and ended with ${this.#end.signal ?? this.#end.code}`
        : JSON.stringify(heard);
    throw new CliError('REFUSED', `the child should have said ${word}; it said ${why}`, { hint: HINT });
  }

  say(word: string): void {
    this.#channel.write(`${word}\n`);
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  #hear(word: string): void {
    const listener = this.#listener;
    if (listener) listener(word);
    else if (this.#heard.length < HEARD_MAX) this.#heard.push(word);
  }

  async #next(): Promise<string | undefined> {
    if (this.#end !== undefined) return undefined;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string | undefined>((resolve) => {
        this.#listener = resolve;
        timer = setTimeout(() => resolve(undefined), this.#readyMs);
      });
    } finally {
      clearTimeout(timer);
      this.#listener = undefined;
    }
  }
}

const START_HINT = 'Is there such a program, here or in PATH, and may it be executed?';
const HINT =
  'The child gets STILLFRAME_MANIFEST_FD and STILLFRAME_CONTROL_FD; it writes `ready` to the latter once it has the memory.';
/** Longer than any word. */
const WORD_MAX = 64;
/** What a child says unasked is kept up to here, and dropped beyond. */
const HEARD_MAX = 16;
