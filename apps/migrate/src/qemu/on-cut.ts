import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CliError } from '../cli-error.ts';

/** Runs the hook of a cut; its output goes to stderr. Throws CliError REFUSED when it fails. */
export async function runOnCut(command: string, signal: AbortSignal): Promise<void> {
  const child = spawn('/bin/sh', ['-c', command], { stdio: ['ignore', 2, 2], signal });
  const [code, killedBy]: unknown[] = await once(child, 'exit');
  if (code === 0) return;
  throw new CliError('REFUSED', `the command of --on-cut ended with ${String(killedBy ?? code)}`, {
    hint: 'The machine goes on, and no picture was kept. What the command says is above.',
  });
}
