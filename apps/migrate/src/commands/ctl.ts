import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { askControl } from '../control/control-client.ts';
import {
  type CommandName,
  commandNames,
  type Failure,
  parseRequest,
  type Request,
} from '../control/protocol.ts';
import { statusText } from '../control/status-text.ts';

/** `migrate ctl`: steers a snapshot that runs. */
export function addCtl(root: Command, context: CliContext): void {
  root
    .command('ctl')
    .description('steer a running `migrate source` or `migrate snapshot` that was given --control PATH')
    .argument('<PATH>', 'its control socket')
    .argument('<COMMAND>', commandNames.join(', '))
    .argument('[LIMITER]', 'for set-limiter: NAME[,k=v…], or a mapping as JSON')
    .option('--json', 'the answer as JSON lines')
    .addHelpText(
      'after',
      `
  status        what the snapshot does and why
  set-limiter   exchange or re-tune the limiter; the snapshot goes on with the old one when the new one is wrong
  pause         hold the sweep; pages that the guest writes to are still captured and sent
  resume        let it go on
  cancel        end the snapshot; the guest goes on, nothing is kept

Examples:
  migrate snapshot --out image.sfp --workload kv --control /run/user/1000/kv.sock
  migrate ctl /run/user/1000/kv.sock status
  migrate ctl /run/user/1000/kv.sock set-limiter token-bucket,rate=50MiB/s
  migrate ctl /run/user/1000/kv.sock pause --json

Exit codes: 0 done · 2 usage · 11 nobody answers there · 15 refused: the snapshot could not do it and goes on as it was
`,
    )
    .action((path: string, command: string, limiter: string | undefined, flags: { json?: boolean }) =>
      ctl(path, requestOf(command, limiter), context, flags.json === true),
    );
}

async function ctl(path: string, request: Request, context: CliContext, json: boolean): Promise<void> {
  const report = context.report(json);
  const answer = await askControl(path, request, context.signal);
  if (!answer.ok) throw refusal(answer);
  report.result(statusText(answer), { type: 'status', ...answer });
  report.event({ type: 'summary', outcome: 'done' });
}

/** Throws CliError USAGE, before anybody is asked. */
function requestOf(command: string, limiter: string | undefined): Request {
  const takesLimiter = command === ('set-limiter' satisfies CommandName);
  if (takesLimiter && limiter === undefined) {
    throw new CliError('USAGE', 'which limiter? set-limiter takes NAME[,k=v…]', {
      hint: 'For example set-limiter token-bucket,rate=50MiB/s; `migrate limiters` lists them.',
    });
  }
  if (!takesLimiter && limiter !== undefined) {
    throw new CliError('USAGE', `${command} takes nothing more, and there is ${JSON.stringify(limiter)}`, {
      hint: 'See `migrate ctl --help`.',
    });
  }
  const value = takesLimiter
    ? { command, limiter: settingOf(limiter ?? ''), directory: process.cwd() }
    : { command };
  return parseRequest(JSON.stringify(value));
}

/** A mapping as JSON, or the shorthand. */
function settingOf(text: string): unknown {
  if (!text.startsWith('{')) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliError('USAGE', `the limiter is no JSON: ${text.slice(0, 64)}`, {
      cause,
      hint: 'Or write NAME[,k=v…].',
    });
  }
}

/** The snapshot said no. Its words, under the code that makes its exit code. */
function refusal({ exitCode, code, message, hint }: Failure): CliError {
  const isUsage = exitCode === 2;
  return new CliError(isUsage ? 'USAGE' : 'REFUSED', `${message} (${code})`, {
    hint: hint === '' ? 'The snapshot goes on as before.' : hint,
  });
}
