import { execFile } from 'node:child_process';

export interface Outcome {
  readonly ok: boolean;
  /** stdout and stderr, for the message of a failed test. */
  readonly output: string;
}

/** Longer than any command here takes, shorter than a person waits. */
const LIMIT_MS = 120_000;

/** Runs a program to its end; never rejects. */
export function run(
  file: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      file,
      args,
      { ...options, timeout: LIMIT_MS, killSignal: 'SIGKILL', maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        const trailer = error ? `\n${error.message}` : '';
        resolve({ ok: error === null, output: stdout + stderr + trailer });
      },
    );
  });
}

/** Works through `items`, at most `width` at a time, in order of start. */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) {
      // oxlint-disable-next-line no-await-in-loop -- each worker does one item after the other
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}
