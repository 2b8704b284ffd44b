import { receiveFromPeer, type Target, type Transport, type Verify } from '@stillframe/snapshot';
import type { SealKey } from '@stillframe/sealed-file';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { pageCodec } from '../codec.ts';
import { exitCodeOf } from '../exit-code.ts';
import { commandOf } from '../exec/restore-to-child.ts';
import type { ExecOptions } from '../exec/exec-child.ts';
import { imagePath } from '../io/image-path.ts';
import { streamFileTarget } from '../io/stream-file-target.ts';
import { memoryTarget } from '../io/memory-target.ts';
import { listenForSessions, type SessionListener } from '../io/session-listener.ts';
import { type Arrival, listenForSources } from '../io/source-listener.ts';
import { formatEndpoint, parseEndpoint } from '../options/endpoint.ts';
import { announcedBy } from '../migration/announced.ts';
import { type ArrivalPlace, childPlace, ownPlace } from '../migration/arrival-place.ts';
import { handOverFile } from '../migration/hand-over-file.ts';
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
import { imageOpener } from '../io/image-file.ts';
import { loadImage } from '../load-image.ts';
import { MachineTarget } from '../qemu/machine-target.ts';
import { qemuOf, untilEnded } from '../qemu/restore-to-machine.ts';
import { type Report, reportError } from '../report/report.ts';
import { showBytes, showCount, showMs } from '../report/units.ts';
import { watchReceipt } from '../report/watch-receipt.ts';
import { assertNotInChain, type OpenParent, openParent } from '../series/parent-image.ts';
import { type ImageCheck, NO_ORACLE, verifyImage } from '../verify-image.ts';

interface DestFlags extends KeyFlags, RetryWaitFlags, ServedFlags, TimeoutFlags, TlsFlags {
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
  addKeyOptions(addTlsOptions(addRetryWait(addIdle(addTimeout(addServedOptions(command, 'dest')))), 'dest'))
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
  migrate dest --listen 127.0.0.1:7000 --once --into qemu -- qemu-system-x86_64 …    a machine that goes on from its picture
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
  const makeTarget =
    exec === undefined
      ? await parseInto(
          { into: flags.into, key, program, isJson: flags.json === true },
          parent,
          context,
          report,
        )
      : undefined;
  const makePlace = await choosePlace(flags, exec);
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
        await takeIn(arrival, makeTarget, makePlace, { context, report, flags, signal, parent, listener });
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

async function choosePlace(flags: ServedFlags, exec: ExecOptions | undefined): Promise<() => ArrivalPlace> {
  if (exec !== undefined) return () => childPlace(exec);
  const guests = await chooseArrivingGuest(flags);
  return () => ownPlace(guests);
}

interface Destination {
  readonly target: Target;
  /** Asks the oracle about what arrived, read back from where it is: when everything came, before the commit. */
  check(signal: AbortSignal): Promise<ImageCheck>;
  readonly words: string;
  /** Who owns the memory after the commit goes on: resolves when that has ended. */
  ended?(): Promise<unknown>;
}

interface IntoChoice {
  readonly into: string;
  readonly key: SealKey | undefined;
  readonly program: readonly string[];
  readonly isJson: boolean;
}

async function parseInto(
  { into, key, program, isJson }: IntoChoice,
  parent: OpenParent | undefined,
  context: CliContext,
  report: Report,
): Promise<() => Destination> {
  if (into === 'memory') {
    return () => {
      const target = memoryTarget();
      return { target, check: (signal) => verifyImage(target.image(), { signal }), words: 'memory' };
    };
  }
  if (into === 'qemu') {
    const command = qemuOf(program);
    return () => {
      const target = new MachineTarget({ command, stdout: isJson ? 'stderr' : 'stdout' });
      const ended = () => untilEnded(target, context.signal);
      return { target, check: async () => NO_ORACLE, words: 'qemu', ended };
    };
  }
  const path = /^file:(.+)$/.exec(into)?.[1];
  if (path === undefined) {
    throw new CliError('USAGE', `--into ${into} is nothing I know`, {
      hint: 'Use --into memory, --into file:PATH, --into exec -- COMMAND, or --into qemu -- COMMAND.',
    });
  }
  await imagePath(path);
  if (parent !== undefined) await assertNotInChain([path], parent);
  return () => {
    const target = streamFileTarget(path, { key });
    return {
      target,
      words: path,
      async check(signal) {
        await target.complete();
        await using loaded = await loadImage(target.temporaryPath, {
          parents: parent?.paths ?? [],
          mayBeUnused: true,
          open: imageOpener(key),
          context: { ...context, signal },
          report: { ...report, event: () => undefined },
        });
        return await verifyImage(loaded.image, { signal });
      },
    };
  };
}

interface Serving {
  readonly context: CliContext;
  readonly report: Report;
  readonly flags: DestFlags;
  readonly signal: AbortSignal;
  readonly parent: OpenParent | undefined;
  readonly listener: SessionListener;
}

/** What the source wants: to leave a picture, or to move its guest here. */
async function takeIn(
  arrival: Arrival,
  makeTarget: (() => Destination) | undefined,
  makePlace: () => ArrivalPlace,
  serving: Serving,
): Promise<void> {
  const { context, report, flags, signal, listener } = serving;
  report.event({ type: 'source', host: arrival.host, port: arrival.port });
  const timeouts = peerTimeoutsFrom(flags, arrival.awayMs);
  const { isMigration, transport } = await announcedBy(arrival.open(), timeouts.helloMs);
  if (!isMigration) {
    if (makeTarget !== undefined) return await receive(transport, arrival, makeTarget(), serving);
    await transport.destroy();
    throw new CliError('REFUSED', 'the source sends a picture, and --into exec takes a guest that moves', {
      hint: 'Take it with --into file:PATH, then `migrate restore PATH --into exec -- COMMAND`.',
    });
  }
  await migrateDest({
    context,
    report,
    signal,
    transport,
    next: async (until) => (await listener.next(until)).open(),
    timeouts: migrationTimeoutsFrom(timeouts),
    place: makePlace(),
    record: flags.record === undefined ? undefined : handOverFile('destination', flags.record),
    keepMs: flags.keepS === undefined ? undefined : parseSeconds(flags.keepS, '--keep-s') * 1000,
  });
}

async function receive(
  transport: Transport,
  arrival: Arrival,
  destination: Destination,
  serving: Serving,
): Promise<void> {
  const { report, flags, signal, parent } = serving;
  const verify: Verify = async (_image, verifySignal) => {
    const check = await destination.check(verifySignal);
    report.event({ type: 'verify', ...check });
    if (check.oracle === null) return undefined;
    return { verified: check.verified, message: check.message };
  };
  const run = receiveFromPeer({
    transport,
    target: destination.target,
    codec: pageCodec,
    ...(parent === undefined ? {} : { parent: parent.image }),
    verify,
    signal,
    timeouts: peerTimeoutsFrom(flags, arrival.awayMs),
  });
  const summary = await watchReceipt(run, 'receive', serving);
  const words = summary.oracleVerified ? 'digest and oracle' : 'digest (there is no oracle for this guest)';
  report.result(
    [
      `  received      ${showCount(summary.pages)} pages, ${showCount(summary.zeroPages)} of them zero; ${showBytes(summary.bytes)} in ${showMs(summary.durationMs)}`,
      `  kept in       ${destination.words}`,
      `  digest        ${summary.digest}`,
      `  verified      ${words}`,
    ].join('\n'),
    {
      type: 'summary',
      outcome: 'done',
      mode: 'snapshot',
      into: destination.words,
      ...summary,
      verified: summary.oracleVerified,
    },
  );
  await destination.ended?.();
}
