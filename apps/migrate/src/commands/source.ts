import { streamToPeer } from '@stillframe/snapshot';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { pageCodec } from '../codec.ts';
import { steered } from '../control/controls.ts';
import { type OpenPeer, openPeer } from '../io/open-peer.ts';
import { addCaptureOptions, type CaptureFlags, chooseCapture } from '../options/capture-options.ts';
import { parseEndpoint } from '../options/endpoint.ts';
import {
  addCompressionOptions,
  chooseCompression,
  type CompressionFlags,
} from '../options/compression-options.ts';
import { addControlOptions, type ControlFlags } from '../options/control-options.ts';
import { addGuestOptions, chooseGuest, type GuestFlags } from '../options/guest-options.ts';
import { addServedOptions, type MovingGuestFlags } from '../options/moving-guest-options.ts';
import { addHalfKey, assertKeyHasHalf } from '../options/half-options.ts';
import { addRetry, chooseRetry, type RetryFlags } from '../options/retry-options.ts';
import {
  addIdle,
  addTimeout,
  FASTER_SWEEP,
  peerTimeoutsFrom,
  type TimeoutFlags,
  withTimeout,
} from '../options/timeouts.ts';
import { addTlsOptions, chooseCredentials, type TlsFlags } from '../options/tls-options.ts';
import { moveGuest } from '../migration/move-guest.ts';
import { addMigrationOptions, chooseMode, type MigrationFlags } from '../options/migration-options.ts';
import { assertFitsMode } from '../options/mode-options.ts';
import { openPacking, packedBy } from '../packing.ts';
import { pictureGuest } from '../picture.ts';
import { linkSummary, linkText } from '../report/link-text.ts';
import { pictureSummary, pictureText } from '../report/picture-summary.ts';

interface SourceFlags
  extends GuestFlags,
    CaptureFlags,
    CompressionFlags,
    ControlFlags,
    MigrationFlags,
    MovingGuestFlags,
    RetryFlags,
    TimeoutFlags,
    TlsFlags {
  readonly to?: string;
  readonly json?: boolean;
}

/** `migrate source`: a picture of a guest, over TCP, while the guest goes on writing. */
export function addSource(root: Command, context: CliContext): void {
  const command = root
    .command('source')
    .description(
      'stream a point-in-time picture of a running guest to `migrate dest`, or move the guest there',
    )
    .option('--to <HOST:PORT>', 'where `migrate dest` listens');
  addTlsOptions(
    addRetry(
      addIdle(
        addTimeout(
          addControlOptions(
            addCompressionOptions(
              addCaptureOptions(
                addServedOptions(addHalfKey(addMigrationOptions(addGuestOptions(command))), 'source'),
              ),
            ),
          ),
        ),
      ),
    ),
    'source',
  )
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Examples:
  migrate source --to 127.0.0.1:7000 --workload sqlite,rows=100000
  migrate source --to 127.0.0.1:7000 --workload counter,size=1GiB,rate=50000 --limiter token-bucket,rate=200MiB/s --json
  migrate source --to 127.0.0.1:7000 --workload kv --compress lz4
  migrate source --to backup:7000 --pid 4242 --retry 120 --psk-file link.psk
  migrate source --to 127.0.0.1:7000 --workload counter --mode precopy --downtime-ms 50
  migrate source --to 127.0.0.1:7000 --workload kv --serve 127.0.0.1:6400 --moved-to 127.0.0.1:6500 --mode precopy
  migrate source --to 127.0.0.1:7000 --guest-module ./shop.mjs,rate=10 --mode hybrid
  migrate source --to host:7000 --qmp /run/vm.qmp --mode precopy --downtime-ms 100    a virtual machine
`,
    )
    .action((flags: SourceFlags) => source(flags, context));
}

async function source(flags: SourceFlags, context: CliContext): Promise<void> {
  if (flags.to === undefined) {
    throw new CliError('USAGE', 'where to? --to HOST:PORT is missing', {
      hint: 'For example --to 127.0.0.1:7000, where `migrate dest` listens.',
    });
  }
  const endpoint = parseEndpoint(flags.to, '--to');
  const credentials = await chooseCredentials(endpoint, flags);
  const mode = chooseMode(flags);
  assertFitsMode(mode, flags);
  assertKeyHasHalf(flags);
  if (mode !== undefined) return await moveGuest(mode, { endpoint, credentials, flags, context });
  const guest = chooseGuest(flags);
  const capture = await chooseCapture(flags);
  const compression = chooseCompression(flags, capture.file);
  const retry = chooseRetry(flags);
  const report = context.report(flags.json === true);
  using packing = await openPacking(compression, report);
  const signal = withTimeout(context.signal, flags, FASTER_SWEEP);
  let peer: OpenPeer | undefined;
  const picture = await steered({ context, report, flags, capture, signal }, (controls) =>
    pictureGuest({
      context,
      report,
      guest,
      capture,
      signal: controls.signal,
      start: async (memory) => {
        peer = await openPeer({ endpoint, credentials, retry, report, signal: controls.signal });
        controls.followLink(peer.link);
        return controls.follow(
          await streamToPeer({
            guest: memory,
            transport: peer.transport,
            ...controls.snapshotOptions(memory),
            capture: capture.capture,
            codec: pageCodec,
            ...packedBy(packing),
            signal: controls.signal,
            timeouts: peerTimeoutsFrom(flags, retry?.budgetMs),
          }),
        );
      },
    }),
  );
  const { digestVerified, oracleVerified } = picture.summary.ack;
  const verified = digestVerified && oracleVerified;
  const words = verified
    ? 'yes: digest and oracle, by the destination'
    : digestVerified
      ? 'digest only: the destination has no oracle for this guest'
      : 'no';
  const link = peer?.link?.();
  const summary = pictureSummary(picture, verified);
  report.result(pictureText(summary, words, link === undefined ? undefined : linkText(link)), {
    ...summary,
    ...linkSummary(link),
  });
}
