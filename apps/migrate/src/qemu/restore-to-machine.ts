import { CliError } from '../cli-error.ts';
import type { ChildEnd } from '../exec/exec-child.ts';
import { exitCodeOfChild } from '../exec/exit-code-of-child.ts';
import { type LoadOptions, restoreInto } from '../load-image.ts';
import { MachineTarget } from './machine-target.ts';

/** Starts QEMU with the machine of an image, and ends as it does. */
export async function restoreToMachine(
  path: string,
  command: readonly string[],
  options: LoadOptions,
  isJson: boolean,
): Promise<void> {
  const { context, report } = options;
  const target = new MachineTarget({ command: qemuOf(command), stdout: isJson ? 'stderr' : 'stdout' });
  const summary = await restoreInto(path, target, options);
  report.talk('the machine goes on');
  report.event({ type: 'machine', state: 'running', command });
  const child = await untilEnded(target, context.signal);
  report.event({ type: 'summary', outcome: 'done', path, into: 'qemu', ...summary, verified: false, child });
  context.setExitCode(exitCodeOfChild(child));
}

/** The machine decides what a signal means, and we end when it does. */
export async function untilEnded(
  target: Pick<MachineTarget, 'kill' | 'ended'>,
  signal: AbortSignal,
): Promise<ChildEnd> {
  const forward = () => target.kill('SIGTERM');
  signal.addEventListener('abort', forward, { once: true });
  try {
    return await target.ended();
  } finally {
    signal.removeEventListener('abort', forward);
  }
}

/** Throws CliError USAGE when there is none. */
export function qemuOf(command: readonly string[]): readonly string[] {
  if (command.length > 0) return command;
  throw new CliError('USAGE', 'which machine? --into qemu needs the command of QEMU behind --', {
    hint: 'The one that the machine was started with, but with a QMP socket of its own; `migrate inspect` shows it.',
  });
}
