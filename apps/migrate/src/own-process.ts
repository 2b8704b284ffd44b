import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { exitCodes } from './exit-code.ts';

/** A JSON line of a command. */
export interface OwnLine {
  readonly type: string;
}

/** A process of this very program. */
export interface OwnProcess<Line extends OwnLine> {
  /** What it has said so far. */
  readonly seen: readonly Line[];
  /** The exit code; never rejects. */
  readonly exit: Promise<number>;
  /** What it has said for people so far. */
  talk(): string;
  /** What it says, from the start to its end. */
  lines(): AsyncIterable<Line>;
  /** The first line of that type; undefined when the process ended without it. */
  line(type: string): Promise<Line | undefined>;
  /** Resolves when it has ended, which it is asked for, and then made to. */
  end(): Promise<void>;
}

/** How long a process may take to end in good order. */
const GRACE_MS = 3000;

/** Starts this program with other arguments, which end with `--json`. It ends when the command's signal fires, and when we are gone. */
export function startOwn<Line extends OwnLine>(
  args: readonly string[],
  signal: AbortSignal,
): OwnProcess<Line> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
    // The channel tells it when we are gone, also when nobody could tell us to end it.
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    signal,
  });
  // Of an abort, which also ends the process.
  child.on('error', () => undefined);
  let talk = '';
  child.stderr!.on('data', (text: Buffer) => {
    talk += text.toString();
  });
  const seen: Line[] = [];
  const news = new EventTarget();
  let isOver = false;
  const tell = () => news.dispatchEvent(new Event('news'));
  createInterface({ input: child.stdout! })
    .on('line', (text) => {
      seen.push(JSON.parse(text));
      tell();
    })
    .on('close', () => {
      isOver = true;
      tell();
    });
  const exit = new Promise<number>((resolve) => {
    child.on('close', (code) => resolve(code ?? exitCodes.bug));
  });
  const lines = async function* () {
    for (let at = 0; ; ) {
      while (at < seen.length) yield seen[at++]!;
      if (isOver) return;
      // oxlint-disable-next-line no-await-in-loop -- until the process has said more
      await new Promise((resolve) => {
        news.addEventListener('news', resolve, { once: true });
      });
    }
  };
  return {
    seen,
    exit,
    talk: () => talk,
    lines,
    async line(type) {
      for await (const line of lines()) if (line.type === type) return line;
      return undefined;
    },
    async end() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await exit;
      clearTimeout(timer);
    },
  };
}
