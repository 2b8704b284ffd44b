import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program under measurement went wrong. Its own words are in the message. */
export class ChildError extends Error {
  override readonly name = 'ChildError';
}

/** What a program printed on one line of stdout. */
export type Result = Readonly<Record<string, unknown>>;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The child does not outlive us. */
export function endWithUs(child: ChildProcess): void {
  running.add(child);
  child.once('close', () => running.delete(child));
}

/** A thread in a page fault that nobody answers only ends with its process: hence SIGKILL, and a bound on every run. */
const TIMEOUT_MS = 120_000;
/** A core dump of a gigabyte helps nobody; the end of what was said does. */
const STDERR_KEPT = 4000;

/** A program that prints JSON objects, one a line. */
export class Child {
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  readonly #process: ChildProcess;

  constructor(file: string, args: readonly string[]) {
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    this.#process = child;
    endWithUs(child);
    // Of a program that has ended; how, `last` says.
    child.stdin.on('error', () => undefined);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-STDERR_KEPT);
    });
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (code === 0) resolve();
        else
          reject(new ChildError(`${[file, ...args].join(' ')}: ${signal ?? `exit code ${code}`}\n${said}`));
      });
    });
    this.#ended.catch(() => undefined);
  }

  /** Writes to its stdin, which stays open until it ends. */
  tell(text: string): void {
    this.#process.stdin!.write(text);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** The next line. Rejects when the program ends instead. */
  async next(): Promise<Result> {
    const { value, done } = await this.#lines.next();
    if (done !== true) return parseResult(value);
    await this.#ended;
    throw new ChildError('the program ended without a result');
  }

  /** Ends it at once; nothing is expected of it any more. */
  end(): void {
    this.#process.kill('SIGKILL');
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

export function numbersAt(result: Result, key: string): readonly number[] {
  const value = result[key];
  if (Array.isArray(value) && value.every((one) => typeof one === 'number')) return value;
  throw new ChildError(`${key} is missing in ${JSON.stringify(result)}`);
}
