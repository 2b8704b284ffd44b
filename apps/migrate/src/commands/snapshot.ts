import { SnapshotError } from '@stillframe/snapshot';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { steered } from '../control/controls.ts';
import { imageOpener } from '../io/image-file.ts';
import { imagePath } from '../io/image-path.ts';
import { tellLeftBehind } from '../io/left-behind.ts';
import { addCaptureOptions, type CaptureFlags, chooseCapture } from '../options/capture-options.ts';
import {
  addCompressionOptions,
  chooseCompression,
  type CompressionFlags,
} from '../options/compression-options.ts';
import { addControlOptions, type ControlFlags } from '../options/control-options.ts';
import { addGuestOptions, chooseGuest, type GuestFlags } from '../options/guest-options.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { addSeriesOptions, chooseSeries, type SeriesFlags } from '../options/series-options.ts';
import { addTimeout, FASTER_SWEEP, type TimeoutFlags, withTimeout } from '../options/timeouts.ts';
import { openPacking } from '../packing.ts';
import { pictureGuest } from '../picture.ts';
import { pictureSummary, pictureText } from '../report/picture-summary.ts';
import { type LoadOptions, loadImage } from '../load-image.ts';
import { ImageSeries, seriesPath, seriesText } from '../series/image-series.ts';
import { leftoversOf, tellLeftovers } from '../series/leftovers.ts';
import { assertNotInChain, type OpenParent, openParent } from '../series/parent-image.ts';
import { verifyImage } from '../verify-image.ts';

interface SnapshotFlags
  extends GuestFlags,
    CaptureFlags,
    CompressionFlags,
    SeriesFlags,
    ControlFlags,
    KeyFlags,
    TimeoutFlags {
  readonly out?: string;
  readonly parent?: string;
  readonly verify?: boolean;
  readonly json?: boolean;
}

/** `migrate snapshot`: the same as source and dest, without a network. */
export function addSnapshot(root: Command, context: CliContext): void {
  const command = root
    .command('snapshot')
    .description('write a point-in-time picture of a running guest into a file')
    .option('--out <PATH>', 'the image; replaced only by a complete one');
  addCompressionOptions(addCaptureOptions(addGuestOptions(command))).option(
    '--parent <PATH>',
    'an earlier image of this guest: the new one holds what has changed since',
  );
  addKeyOptions(addTimeout(addControlOptions(addSeriesOptions(command))))
    .option('--verify', 'read the image back and ask the workload’s oracle')
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Examples:
  migrate snapshot --out image.sfp --workload counter,size=256MiB,writers=2,rate=20000 --verify
  migrate snapshot --out image.sfp --workload kv --config policy.yaml
  migrate snapshot --out image.sfp --pid 1234 --compress zstd:3
  migrate snapshot --out tuesday.sfp --pid 1234 --parent monday.sfp
  migrate snapshot --out image.sfp --workload kv --compress lz4 --every 10s --count 6

A series is PATH, PATH.1, PATH.2 …: the first image whole, each other one what has changed since the one before it. Keep them together: the newest
is restored with all that it builds on.
`,
    )
    .action((flags: SnapshotFlags) => snapshot(flags, context));
}

async function snapshot(flags: SnapshotFlags, context: CliContext): Promise<void> {
  const { out } = flags;
  if (out === undefined || out === '') {
    throw new CliError('USAGE', 'into which file? --out PATH is missing', {
      hint: 'For example --out image.sfp',
    });
  }
  const guest = chooseGuest(flags);
  const capture = await chooseCapture(flags);
  const compression = chooseCompression(flags, capture.file);
  // Before anybody types a passphrase.
  const outPath = await imagePath(out);
  const key = await chooseKey(flags, {
    signal: context.signal,
    file: capture.file,
    isNew: flags.parent === undefined,
  });
  const report = context.report(flags.json === true);
  await tellLeftBehind(outPath, report);
  const signal = withTimeout(context.signal, flags, FASTER_SWEEP);
  await using parent =
    flags.parent === undefined ? undefined : await openParent(flags.parent, { open: imageOpener(key) });
  const plan = chooseSeries(flags, parent === undefined ? 0 : parent.image.chainLength + 1);
  if (parent !== undefined) await assertOutsAreFree(out, plan.count, parent);
  tellLeftovers(await leftoversOf(out, plan.count, imageOpener(key)), report);
  using packing = await openPacking(compression, report);
  let verified = false;
  const check = async (path: string, parents: readonly string[], checkSignal: AbortSignal) => {
    const options = {
      context: { ...context, signal: checkSignal },
      report,
      parents,
      mayBeUnused: true,
      open: imageOpener(key),
    };
    verified = await readBack(path, options);
  };
  const { picture, images } = await steered({ context, report, flags, capture, signal }, async (controls) => {
    const checked = flags.verify === true ? { check } : {};
    const options = { out, series: plan, capture, packing, controls, report, parent, key, ...checked };
    await using series = new ImageSeries(options);
    const taken = await pictureGuest({
      context,
      report,
      guest,
      capture,
      signal: controls.signal,
      start: (memory) => series.start(memory),
      next: (memory, summary) => series.next(memory, summary),
    });
    return { picture: taken, images: series.images };
  });
  const last = images.at(-1)!.path;
  const words = verified
    ? 'yes: read back, digest and oracle'
    : flags.verify === true
      ? 'digest only'
      : `not asked for (migrate verify ${last})`;
  const summary = pictureSummary(picture, verified);
  const listed = images.length === 1 ? {} : { images };
  report.result(`${seriesText(images)}${pictureText(summary, words)}`, { ...summary, path: last, ...listed });
}

async function assertOutsAreFree(out: string, count: number, parent: OpenParent): Promise<void> {
  const outs = Array.from({ length: count }, (_, number) => seriesPath(out, number));
  await assertNotInChain(outs, parent);
}

/** Whether an oracle accepts the image; false when there is none for this guest. Throws what is wrong with it. */
async function readBack(path: string, { context, report, ...choice }: LoadOptions): Promise<boolean> {
  const quiet = { ...report, event: () => undefined };
  await using loaded = await loadImage(path, { context, report: quiet, ...choice });
  const check = await verifyImage(loaded.image, { signal: context.signal });
  report.event({ type: 'verify', ...check });
  if (check.oracle === null || check.verified) return check.verified;
  throw new SnapshotError('not-verified', check.message, {
    hint: 'The image came whole, but it is not the guest at the cut. It was dropped.',
  });
}
