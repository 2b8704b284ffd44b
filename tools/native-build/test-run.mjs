// Runs a native test program and holds it to its contract: one line per test, a closing tally, and an exit code that agrees.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { runtimeEnv, variants } from './test-variants.mjs';

/** A program that is still running after this long hangs; the whole process group is then killed. */
const RUN_LIMIT_MS = 300_000;

/** More address space randomisation than this and the sanitizers of GCC before 14 cannot place their shadow memory. */
const SANITIZER_RND_BITS_MAX = 28;

/**
 * @param {string} program
 * @param {keyof typeof variants} variantName
 * @param {{ args?: string[], cwd?: string, signal?: AbortSignal, print?: (line: string) => void,
 *   stderr?: 'inherit' | 'ignore', limitMs?: number }} [options]  sanitizers report on stderr
 * @returns {Promise<{ passed: number, failed: number, skipped: number, skips: string[], failures: string[] }>}
 *   A crash, a sanitizer report, a hang, or a broken contract is one more failure, with its reason.
 */
export async function runTest(program, variantName, options = {}) {
  const { args = [], cwd, signal, print = console.log, stderr = 'inherit', limitMs = RUN_LIMIT_MS } = options;
  const variant = variants[variantName];
  const argv = needsFixedLayout(variant) ? ['setarch', '-R', program, ...args] : [program, ...args];
  // A group of its own: whatever the tests fork dies with it.
  const child = spawn(argv[0], argv.slice(1), {
    cwd,
    detached: true,
    env: runtimeEnv(variant, process.env),
    stdio: ['ignore', 'pipe', stderr],
  });
  const killGroup = () => kill(child.pid);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup();
  }, limitMs);
  signal?.addEventListener('abort', killGroup, { once: true });
  // A grandchild that still holds the pipe must not keep us waiting for its end.
  child.once('exit', killGroup);

  const tally = { passed: 0, failed: 0, skipped: 0, skips: [], failures: [] };
  let closing = '';
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, by) => resolve(by ?? code));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    print(line);
    count(line, tally);
    if (line.trim()) closing = line.trim();
  }
  const end = await ended;
  clearTimeout(timer);
  signal?.removeEventListener('abort', killGroup);

  const broken = timedOut ? `still running after ${limitMs} ms` : breach(tally, closing, end);
  if (broken) {
    tally.failed += 1;
    tally.failures.push(`${variantName}: ${broken}`);
  }
  return tally;
}

function count(line, tally) {
  const [, kind, text] = /^(ok|not ok|skip) (.+)$/.exec(line) ?? [];
  if (kind === 'ok') tally.passed += 1;
  else if (kind === 'not ok') tally.failed += 1;
  else if (kind === 'skip') tally.skipped += 1;
  if (kind === 'not ok') tally.failures.push(text);
  if (kind === 'skip') tally.skips.push(text);
}

/** What the program did against its contract, or undefined. */
function breach({ passed, failed, skipped }, closing, end) {
  const wanted = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  if (closing !== wanted) return `ended with ${end} and the line "${closing}", where "${wanted}" was due`;
  if (passed + failed + skipped === 0) return 'executed no test';
  if (end !== 0 && failed === 0) return `ended with ${end} though no test failed`;
  if (end === 0 && failed > 0) return 'ended with 0 though a test failed';
  return undefined;
}

function needsFixedLayout(variant) {
  if (!variant.sanitized) return false;
  try {
    return Number(readFileSync('/proc/sys/vm/mmap_rnd_bits', 'utf8')) > SANITIZER_RND_BITS_MAX;
  } catch (error) {
    // Not every container shows it, and not every kernel has it.
    if (error.code === 'ENOENT' || error.code === 'EACCES') return false;
    throw error;
  }
}

function kill(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
