import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** A program under measurement went wrong. Its own words are in the message. */
export class ChildError extends Error {
  override readonly name = 'ChildError';
}

/** What a program printed on one line of stdout. */
export type Result = Readonly<Record<string, unknown>>;

const running = new Set<ChildProcessByStdio<null, Readable, Readable>>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A thread in a page fault that nobody answers only ends with its process: hence SIGKILL, and a bound on every run. */
const TIMEOUT_MS = 120_000;
/** A core dump of a gigabyte helps nobody; the end of what was said does. */
const STDERR_KEPT = 4000;

/** A program that prints JSON objects, one a line. */
export class Child {
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;

  constructor(file: string, args: readonly string[]) {
    const child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    running.add(child);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-STDERR_KEPT);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        running.delete(child);
        if (code === 0) resolve();
        else
          reject(new ChildError(`${[file, ...args].join(' ')}: ${signal ?? `exit code ${code}`}\n${said}`));
      });
    });
    this.#ended.catch(() => undefined);
  }

  /** The next line. Rejects when the program ends instead. */
  async next(): Promise<Result> {
    const { value, done } = await this.#lines.next();
    if (done !== true) return parseResult(value);
    await this.#ended;
    throw new ChildError('the program ended without a result');
  }

  /** The next line, which is the last; then waits for the end. */
  async last(): Promise<Result> {
    const result = await this.next();
    await this.#ended;
    return result;
  }
}

function parseResult(line: string): Result {
  return JSON.parse(line);
}

export function numberAt(result: Result, key: string): number {
  const value = result[key];
  if (typeof value !== 'number') throw new ChildError(`${key} is missing in ${JSON.stringify(result)}`);
  return value;
}
