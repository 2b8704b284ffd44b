import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { lacks } from '../kernel.ts';

const sources = path.join(import.meta.dirname, 'targets');
const compiler = process.env['CC'] ?? 'cc';

/** Bounds a loop that only a failing test runs to its end. */
const LOOKS_MAX = 1_000_000;

export function lacksCompiler(): boolean {
  try {
    execFileSync(compiler, ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return lacks(false, `${compiler} is needed, for programs to trace`);
  }
}

/** Compiled targets in a folder that any user may read. */
export class Targets {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'stillframe-trace-'));
  readonly #compiled = new Map<string, string>();

  constructor() {
    chmodSync(this.#folder, 0o755);
  }

  /** Compiles `targets/NAME.c` when it is first asked for. */
  program(name: string, flags: readonly string[] = ['-O1', '-pthread']): string {
    const known = this.#compiled.get(name);
    if (known !== undefined) return known;
    const out = path.join(this.#folder, name);
    execFileSync(compiler, [...flags, path.join(sources, `${name}.c`), '-o', out], { stdio: 'pipe' });
    this.#compiled.set(name, out);
    return out;
  }

  start(name: string, args: readonly string[] = [], options: { uid?: number } = {}): Target {
    return new Target(this.program(name), args, options);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A running target. It talks in lines, and ends with the test. */
export class Target {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly #lines: AsyncIterator<string>;
  /** Settled when it has ended: its exit status, or the name of the signal. */
  readonly ended: Promise<number | string>;

  constructor(program: string, args: readonly string[], options: { uid?: number }) {
    const user = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/', ...user });
    if (this.child.pid === undefined || this.child.stdout === null)
      throw new Error(`${program} did not start`);
    this.pid = this.child.pid;
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.ended = once(this.child, 'exit').then(([code, signal]) => signal ?? code);
    this.child.stdin?.on('error', () => {});
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`the target has ended with ${String(await this.ended)}`);
    return value;
  }

  tell(line: string): void {
    this.child.stdin?.write(line);
  }

  async ask(line: string): Promise<string> {
    this.tell(`${line}\n`);
    return await this.line();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** A line of /proc/PID/status. */
export function statusOf(pid: number, name: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** Whatever a call of ours could leave behind: descriptors and mappings. */
export function belongings(pid: number): { fds: readonly string[]; maps: string } {
  const folder = `/proc/${pid}/fd`;
  const fds = readdirSync(folder).map((fd) => `${fd} ${readlinkSync(path.join(folder, fd))}`);
  return { fds: fds.toSorted(), maps: readFileSync(`/proc/${pid}/maps`, 'utf8') };
}

/** Returns when that is so; other work of this process goes on. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    if (holds()) return;
    // oxlint-disable-next-line no-await-in-loop -- one turn of the event loop at a time
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`it did not come to pass: ${what}`);
}
