import { CliError } from '../cli-error.ts';
import { type LoadOptions, restoreInto } from '../load-image.ts';
import { execTarget } from './exec-target.ts';
import { exitCodeOfChild } from './exit-code-of-child.ts';

/** Starts a program with the memory of an image, and ends as it does. */
export async function restoreToChild(
  path: string,
  command: readonly string[],
  options: LoadOptions,
  isJson: boolean,
): Promise<void> {
  const { context, report } = options;
  const target = execTarget({ command: commandOf(command), stdout: isJson ? 'stderr' : 'stdout' });
  const summary = await restoreInto(path, target, options);
  report.event({ type: 'exec', state: 'running', command });
  // The child is the owner now: it decides what a signal means, and we end when it does.
  const forward = () => target.kill('SIGTERM');
  context.signal.addEventListener('abort', forward, { once: true });
  const end = await target.ended();
  context.signal.removeEventListener('abort', forward);
  report.event({
    type: 'summary',
    outcome: 'done',
    path,
    into: 'exec',
    ...summary,
    verified: false,
    child: end,
  });
  context.setExitCode(exitCodeOfChild(end));
}

/** Throws CliError USAGE when there is none. */
export function commandOf(command: readonly string[]): readonly string[] {
  if (command.length > 0) return command;
  throw new CliError('USAGE', 'which program? --into exec needs one behind --', {
    hint: 'For example --into exec -- python3 look.py',
  });
}
