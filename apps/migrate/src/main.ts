#!/usr/bin/env node
import { constants } from 'node:os';
import { CliError, Interrupted } from './cli-error.ts';
import { runCli } from './cli.ts';
import { chosenCodec } from './codec.ts';
import { exitCodes } from './exit-codes.ts';

const abort = new AbortController();

/** What a SIGHUP means to the command that runs, if not its end. */
let onHangUp: (() => void) | undefined;

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(name, () => {
    if (name === 'SIGHUP' && onHangUp !== undefined && !abort.signal.aborted) return onHangUp();
    // The second time, the person means it: the kernel disarms what is left when we are gone.
    if (abort.signal.aborted) process.exit(128 + constants.signals[name]);
    abort.abort(new Interrupted(name, constants.signals[name]));
  });
}
// Whoever started us with a channel is gone: as when a terminal hangs up.
process.once('disconnect', () => abort.abort(new Interrupted('SIGHUP', constants.signals.SIGHUP)));
process.channel?.unref();
let isOutputLost = false;
process.stdout.on('error', (cause: NodeJS.ErrnoException) => {
  // A reader that has had enough (`| head`) is not a failure of ours.
  if (cause.code === 'EPIPE' || isOutputLost) return;
  isOutputLost = true;
  // The command may be over already.
  process.exitCode ||= exitCodes.localIo;
  const failure = new CliError('FILE', `stdout cannot be written: ${cause.message}`, {
    hint: 'Results go there. Is the disk full?',
    cause,
  });
  process.stderr.write(`error ${failure.code}: ${failure.message}\nhint: ${failure.hint}\n`);
  abort.abort(failure);
});

if (chosenCodec.note !== '') process.stderr.write(`note: ${chosenCodec.note}\n`);

const exitCode = await runCli(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  isTty: process.stderr.isTTY,
  signal: abort.signal,
  catchHangUp(wanted) {
    onHangUp = wanted;
    return () => {
      onHangUp = undefined;
    };
  },
});
process.exitCode = exitCode === exitCodes.done && isOutputLost ? exitCodes.localIo : exitCode;
