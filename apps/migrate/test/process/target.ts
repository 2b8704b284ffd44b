import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compiled, type Program, targetSources } from './compiled.ts';

/** What a target says when it is ready; see test/targets/target.h. */
export interface Ready {
  readonly pid: number;
  /** Where the stamps are; null when the target does not know. */
  readonly memory: number | null;
  readonly [fact: string]: unknown;
}

/** A process to be pictured. It does not outlive its test. */
export class Target {
  readonly ready: Ready;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #talk: () => string;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, ready: Ready, talk: () => string) {
    this.#child = child;
    this.#lines = lines;
    this.ready = ready;
    this.#talk = talk;
  }

  static async start(
    command: string,
    args: readonly string[],
    options: { uid?: number; gid?: number } = {},
  ): Promise<Target> {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    onTestFinished(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    let talk = '';
    child.stderr.on('data', (text: Buffer) => {
      talk += text.toString();
    });
    child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const said = () => `${command} ${args.join(' ')} ended: ${talk}`;
    const ready = await nextLine(lines, 'ready', said);
    // A target of our own does not know its number.
    const pid = Number(ready['pid']) || child.pid!;
    const memory = typeof ready['memory'] === 'number' ? ready['memory'] : null;
    return new Target(child, lines, { ...ready, pid, memory }, said);
  }

  get pid(): number {
    return this.ready.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** A fact of the ready line. */
  fact(name: string): number {
    const value = this.ready[name];
    if (typeof value !== 'number') throw new Error(`the target did not state ${name}`);
    return value;
  }

  /** Resolves when every thread has done something more. Rejects when it has ended. */
  async goesOn(): Promise<void> {
    await this.#ask('go-on', 'went-on');
  }

  /** Resolves when every writer has been through all of its pages. */
  async warm(): Promise<void> {
    await this.#ask('warm', 'warm');
  }

  /** Starts a disturbance that waits for it; resolves when it has been at it once. */
  async begin(): Promise<void> {
    await this.#ask('begin', 'begun');
  }

  /** What the target finds when it looks at all of its memory; its writers have ended then. */
  async check(): Promise<{ ok: unknown; why: unknown }> {
    const { ok, why } = await this.#ask('check', 'checked');
    return { ok, why };
  }

  /** Begins anew in the same process. */
  async exec(): Promise<void> {
    await this.#ask('exec', 'ready');
  }

  async exit(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin!.write('exit\n');
    await exited;
  }

  async #ask(command: string, answer: string): Promise<Readonly<Record<string, unknown>>> {
    this.#child.stdin!.write(`${command}\n`);
    return await nextLine(this.#lines, answer, this.#talk);
  }
}

async function nextLine(
  lines: AsyncIterator<string>,
  type: string,
  said: () => string,
): Promise<Readonly<Record<string, unknown>>> {
  const { value, done } = await lines.next();
  if (done === true) throw new Error(said());
  const line: Record<string, unknown> = JSON.parse(value);
  if (line['type'] !== type) throw new Error(`wanted ${type}, the target said ${value}`);
  return line;
}

/** How many writers, and what of. */
export interface Writers {
  readonly threads: number;
  /** Of each thread. */
  readonly pages: number;
  /** Between two writes of a thread; 0 for as fast as it goes. */
  readonly pauseUs: number;
}

const argumentsOf = ({ threads, pages, pauseUs }: Writers) => [threads, pages, pauseUs].map(String);

/** A compiled target of test/targets. */
export async function startTarget(
  program: Program,
  writers: Writers,
  more: readonly string[] = [],
  options: { uid?: number; gid?: number } = {},
): Promise<Target> {
  return Target.start(await compiled(program), [...argumentsOf(writers), ...more], options);
}

/** writers.py or writers.mjs of test/targets. */
export async function startScript(runtime: string, script: string, writers: Writers): Promise<Target> {
  return Target.start(runtime, [path.join(targetSources, script), ...argumentsOf(writers)]);
}
