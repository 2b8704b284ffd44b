import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** The command line, bundled from source by test/global-setup.ts. */
export const mainFile = fileURLToPath(
  new URL('../../node_modules/.cache/workload-worker/main.js', import.meta.url),
);

/** A JSON line of a command. */
export type Line = { readonly type: string } & Readonly<Record<string, unknown>>;

export interface Exit {
  /** The exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals;
  readonly lines: readonly Line[];
  readonly stderr: string;
  /** The last line, if it is a summary. */
  readonly summary: Line | undefined;
}

/** A process that hangs ends here, and its test says what it had said until then. */
const DEADLINE_MS = 18_000;

/** A running command. It does not outlive its test. */
export class Child {
  readonly #process: ChildProcess;
  readonly lines: Line[] = [];
  readonly exit: Promise<Exit>;
  #stderr = '';
  #isOver = false;
  #isLate = false;
  #wake: (() => void)[] = [];

  constructor(command: string, args: readonly string[]) {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    child.stderr.on('data', (text: Buffer) => {
      this.#stderr += text.toString();
    });
    createInterface({ input: child.stdout })
      .on('line', (text) => {
        const line: Line = JSON.parse(text);
        this.lines.push(line);
        this.#tell();
      })
      .on('close', () => {
        this.#isOver = true;
        this.#tell();
      });
    const deadline = setTimeout(() => {
      this.#isLate = true;
      child.kill('SIGKILL');
    }, DEADLINE_MS);
    this.exit = this.#end().finally(() => clearTimeout(deadline));
    this.exit.catch(() => undefined);
    onTestFinished(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await this.exit.catch(() => undefined);
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The first line from index `from` on that has this type and these values. Rejects when the process ends without it. */
  async line(type: string, values: Readonly<Record<string, unknown>> = {}, from = 0): Promise<Line> {
    for (let at = from; ; at++) {
      // oxlint-disable-next-line no-await-in-loop -- until the process has said more
      while (at >= this.lines.length && !this.#isOver) await this.#news();
      const line = this.lines[at];
      if (line === undefined) throw new Error(`no line ${type} ${JSON.stringify(values)}\n${this.#said()}`);
      if (line.type === type && Object.entries(values).every(([key, value]) => line[key] === value)) {
        return line;
      }
    }
  }

  async #end(): Promise<Exit> {
    const child = this.#process;
    await once(child, 'close');
    if (this.#isLate) throw new Error(`still running after ${DEADLINE_MS} ms\n${this.#said()}`);
    const last = this.lines.at(-1);
    const summary = last?.type === 'summary' ? last : undefined;
    return { code: child.exitCode ?? child.signalCode!, lines: this.lines, stderr: this.#stderr, summary };
  }

  #said(): string {
    return [...this.lines.slice(-10).map((line) => JSON.stringify(line)), this.#stderr].join('\n');
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  #tell(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** Starts `migrate ARGS --json`. */
export function migrate(...args: readonly string[]): Child {
  return new Child(process.execPath, [mainFile, ...args, '--json']);
}

/** A `migrate dest` that listens. */
export async function startDest(
  ...args: readonly string[]
): Promise<{ child: Child; to: string; port: number }> {
  const child = migrate('dest', '--listen', '127.0.0.1:0', ...args);
  const port = Number((await child.line('listening'))['port']);
  return { child, port, to: `127.0.0.1:${port}` };
}

/** Starts `migrate source` with a load that runs briefly before and after. */
export function startSource(to: string, workload: string, ...args: readonly string[]): Child {
  return migrate(
    'source',
    '--to',
    to,
    '--workload',
    workload,
    '--before-ms',
    '50',
    '--after-ms',
    '20',
    ...args,
  );
}
