import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { exitCodeOf } from '../exit-code.ts';
import { commandOf } from '../exec/restore-to-child.ts';
import type { ExecOptions } from '../exec/exec-child.ts';
import { listenForSessions, type SessionListener } from '../io/session-listener.ts';
import { type Arrival, listenForSources } from '../io/source-listener.ts';
import { formatEndpoint, parseEndpoint } from '../options/endpoint.ts';
import { announcedBy } from '../migration/announced.ts';
import { type ArrivalPlace, childPlace, machinePlace, ownPlace } from '../migration/arrival-place.ts';
import { imagePath } from '../io/image-path.ts';
import { refusingPlace } from '../migration/refusing-place.ts';
import { migrateDest } from '../migration/migrate-dest.ts';
import { migrationTimeoutsFrom } from '../options/migration-options.ts';
import { addServedOptions, chooseArrivingGuest, type ServedFlags } from '../options/moving-guest-options.ts';
import { addRetryWait, chooseRetryWait, type RetryWaitFlags } from '../options/retry-options.ts';
import {
  addIdle,
  addTimeout,
  parseSeconds,
  peerTimeoutsFrom,
  type TimeoutFlags,
  withTimeout,
} from '../options/timeouts.ts';
import { addTlsOptions, chooseCredentials, type TlsFlags } from '../options/tls-options.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { addSaveHalf, chooseHalf, type HalfFile, type HalfFlags } from '../options/half-options.ts';
import { refuseWithoutEffect } from '../options/no-effect.ts';
import { imageOpener } from '../io/image-file.ts';
import { chooseDestination, type PictureDestination } from '../picture-destination.ts';
import { receivePicture } from '../receive-picture.ts';
import { qemuOf } from '../qemu/restore-to-machine.ts';
import { type Report, reportError } from '../report/report.ts';
import { type OpenParent, openParent } from '../series/parent-image.ts';

interface DestFlags extends HalfFlags, KeyFlags, RetryWaitFlags, ServedFlags, TimeoutFlags, TlsFlags {
  readonly parent?: string;
  readonly listen: string;
  readonly into: string;
  readonly once?: boolean;
  readonly keepS?: string;
  readonly record?: string;
  readonly json?: boolean;
}

/** `migrate dest`: takes in what sources send, checks it, and says so. */
export function addDest(root: Command, context: CliContext): void {
  const command = root
    .command('dest')
    .description('receive pictures from `migrate source`, verify and keep them, or take up guests that move')
    .argument(
      '[COMMAND...]',
      'for --into exec and qemu, behind --: the program that the guest moves into, the QEMU that takes the machine',
    )
    .option(
      '--listen <HOST:PORT>',
      'where to listen; port 0 takes a free one and says which',
      '127.0.0.1:7000',
    )
    .option(
      '--into <WHERE>',
      'file:PATH, replaced only by a complete and verified image; memory; exec, for a child that gets it; or qemu, for a virtual machine',
      'memory',
    )
    .option(
      '--parent <PATH>',
      'the image that increments build on which arrive; what is below it is looked for beside it',
    )
    .option('--keep-s <SECONDS>', 'a guest that moved here goes on for so long (default: until interrupted)')
    .option(
      '--record <FILE>',
      'note durably who owns a guest that moves here, for `migrate reconcile` after a broken hand-over',
    )
    .option('--once', 'end after one source, with the exit code of what came of it');
  addKeyOptions(
    addTlsOptions(
      addRetryWait(addIdle(addTimeout(addSaveHalf(addServedOptions(command, 'dest'), 'dest')))),
      'dest',
    ),
  )
    .option('--json', 'JSON lines on stdout, a summary for each source')
    .addHelpText(
      'after',
      `
An image file holds the stream as it came: compressed by the source, an increment as an increment. In memory an increment becomes
whole, with the pages of its parent.

Examples:
  migrate dest --listen 127.0.0.1:7000 --into file:image.sfp --once
  migrate dest --listen 127.0.0.1:0 --json
  migrate dest --listen 127.0.0.1:7000 --serve 127.0.0.1:6500            takes up a kv store that moves here
  migrate dest --listen 127.0.0.1:7000 --once --into exec -- ./server    a guest that moves into a program of yours
  migrate dest --listen 127.0.0.1:7000 --once --into qemu -- qemu-system-x86_64 …    a machine that moves here, or goes on from its picture
`,
    )
    .action((program: readonly string[], flags: DestFlags) => dest(program, flags, context));
}

async function dest(program: readonly string[], flags: DestFlags, context: CliContext): Promise<void> {
  const endpoint = parseEndpoint(flags.listen, '--listen');
  const credentials = await chooseCredentials(endpoint, flags);
  const report = context.report(flags.json === true);
  const key = await chooseKey(flags, { signal: context.signal, isNew: flags.parent === undefined });
  const opening = { open: imageOpener(key) };
  await using parent = flags.parent === undefined ? undefined : await openParent(flags.parent, opening);
  const exec = chooseExec(flags, program);
  const choice = { into: flags.into, key, program, isJson: flags.json === true };
  const makeDestination = await chooseDestination(choice, parent, context, report);
  const makePlace = await choosePlace(flags, exec, program);
  assertOneHalf(flags);
  const saveHalf = await chooseHalf(flags, exec === undefined && flags.into !== 'qemu', key);
  if (flags.record !== undefined) await imagePath(flags.record);
  const signal = withTimeout(context.signal, flags);
  const retry = chooseRetryWait(flags);
  const listener = listenForSessions(await listenForSources(endpoint, credentials, signal), retry, {
    report,
    signal,
  });
  report.talk(`listening on ${formatEndpoint(listener.endpoint)}`);
  report.event({ type: 'listening', ...listener.endpoint });
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one source after the other: each may need all the memory there is
      const arrival = await listener.next();
      try {
        // oxlint-disable-next-line no-await-in-loop -- as above
        await takeIn(arrival, makeDestination, makePlace, {
          context,
          report,
          flags,
          signal,
          parent,
          listener,
          saveHalf,
        });
      } catch (error) {
        // oxlint-disable-next-line no-await-in-loop -- the source may have to hear it over another connection
        if (flags.once === true) await listener.settled();
        if (flags.once === true || signal.aborted) throw error;
        // A bad source is no reason to leave the good ones alone.
        reportError(report, error);
        report.event({ type: 'summary', outcome: 'failed', verified: false, exitCode: exitCodeOf(error) });
      }
      if (flags.once === true) break;
    }
    await listener.settled();
  } finally {
    listener.close();
  }
}

/** The program of --into exec; undefined for another --into. */
function chooseExec({ into, json }: DestFlags, program: readonly string[]): ExecOptions | undefined {
  if (into === 'exec') return { command: commandOf(program), stdout: json === true ? 'stderr' : 'stdout' };
  if (program.length === 0 || into === 'qemu') return undefined;
  throw new CliError(
    'USAGE',
    `what is ${JSON.stringify(program[0])}? A command goes with --into exec and qemu only`,
    {
      hint: 'Leave it out.',
    },
  );
}

/** A second half would take the place of the first. */
function assertOneHalf(flags: DestFlags): void {
  if (flags.once === true) return;
  refuseWithoutEffect(
    flags,
    { saveHalf: '--save-half' },
    'without --once',
    'The file is for what one guest leaves here.',
  );
}

async function choosePlace(
  flags: DestFlags,
  exec: ExecOptions | undefined,
  program: readonly string[],
): Promise<() => ArrivalPlace> {
  if (exec !== undefined) return () => childPlace(exec);
  if (flags.into === 'qemu') {
    const command = qemuOf(program);
    return () => machinePlace({ command, stdout: flags.json === true ? 'stderr' : 'stdout' });
  }
  const guests = await chooseArrivingGuest(flags);
  return () => (flags.into === 'memory' ? ownPlace(guests) : refusingPlace());
}

interface Serving {
  readonly context: CliContext;
  readonly report: Report;
  readonly flags: DestFlags;
  readonly signal: AbortSignal;
  readonly parent: OpenParent | undefined;
  readonly listener: SessionListener;
  readonly saveHalf: HalfFile | undefined;
}

/** What the source wants: to leave a picture, or to move its guest here. */
async function takeIn(
  arrival: Arrival,
  makeDestination: () => PictureDestination,
  makePlace: () => ArrivalPlace,
  serving: Serving,
): Promise<void> {
  const { context, report, flags, signal, parent, listener, saveHalf } = serving;
  report.event({ type: 'source', host: arrival.host, port: arrival.port });
  const timeouts = peerTimeoutsFrom(flags, arrival.awayMs);
  const { isMigration, transport } = await announcedBy(arrival.open(), timeouts.helloMs);
  if (!isMigration) {
    const destination = makeDestination();
    return await receivePicture({ context, report, signal, transport, timeouts, destination, parent });
  }
  await migrateDest({
    context,
    report,
    signal,
    transport,
    next: async (until) => (await listener.next(until)).open(),
    timeouts: migrationTimeoutsFrom(timeouts),
    place: makePlace(),
    saveHalf,
    record: flags.record,
    keepMs: flags.keepS === undefined ? undefined : parseSeconds(flags.keepS, '--keep-s') * 1000,
  });
}
