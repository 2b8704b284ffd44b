// One place that hears signals, and the only way this runner starts a process: in a group of its own, which ends with us.
import { spawn } from 'node:child_process';

/** How long a child may take to end after SIGTERM. */
const GRACE_MS = 5000;
const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** @returns {{ readonly signal: AbortSignal, readonly aborted: boolean, readonly exitCode: number }} */
export function stopOnSignals() {
  const controller = new AbortController();
  for (const name of Object.keys(EXIT_CODES)) process.on(name, () => controller.abort(name));
  return {
    signal: controller.signal,
    get aborted() {
      return controller.signal.aborted;
    },
    get exitCode() {
      return EXIT_CODES[controller.signal.reason] ?? 1;
    },
  };
}

/**
 * Runs a command to its end, output to ours. When asked to stop, the whole group gets SIGTERM, then SIGKILL; and whatever is
 * left of the group when the command ends is killed.
 * @param {string[]} argv
 * @param {{ stop: { signal: AbortSignal }, cwd: string, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<string>} 'exit code N' or the name of the signal
 */
export function runToEnd(argv, { stop, cwd, env = process.env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(argv[0], argv.slice(1), {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    let timer;
    const end = () => {
      signalGroup(child.pid, 'SIGTERM');
      timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), GRACE_MS);
    };
    stop.signal.addEventListener('abort', end, { once: true });
    if (stop.signal.aborted) end();
    child.once('error', reject);
    child.once('exit', (code, by) => {
      clearTimeout(timer);
      stop.signal.removeEventListener('abort', end);
      signalGroup(child.pid, 'SIGKILL');
      resolve(by ?? `exit code ${code}`);
    });
  });
}

function signalGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
