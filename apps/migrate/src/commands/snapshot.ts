import { SnapshotError, takeSnapshot } from '@stillframe/snapshot';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { pageCodec } from '../codec.ts';
import { steered } from '../control/controls.ts';
import { openFileSink } from '../io/file-sink.ts';
import { imagePath } from '../io/image-path.ts';
import { addCaptureOptions, type CaptureFlags, chooseCapture } from '../options/capture-options.ts';
import { addControlOptions, type ControlFlags } from '../options/control-options.ts';
import { addGuestOptions, chooseGuest, type GuestFlags } from '../options/guest-options.ts';
import { addTimeout, type TimeoutFlags, withTimeout } from '../options/timeouts.ts';
import { pictureGuest } from '../picture.ts';
import { pictureSummary, pictureText } from '../report/picture-summary.ts';
import { type LoadOptions, loadImage } from '../load-image.ts';
import { verifyImage } from '../verify-image.ts';

interface SnapshotFlags extends GuestFlags, CaptureFlags, ControlFlags, TimeoutFlags {
  readonly out?: string;
  readonly verify?: boolean;
  readonly json?: boolean;
}

/** `migrate snapshot`: the same as source and dest, without a network. */
export function addSnapshot(root: Command, context: CliContext): void {
  const command = root
    .command('snapshot')
    .description('write a point-in-time picture of a running guest into a file')
    .option('--out <PATH>', 'the image; replaced only by a complete one');
  addTimeout(addControlOptions(addCaptureOptions(addGuestOptions(command))))
    .option('--verify', 'read the image back and ask the workload’s oracle')
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Examples:
  migrate snapshot --out image.sfp --workload counter,size=256MiB,writers=2,rate=20000 --verify
  migrate snapshot --out image.sfp --workload kv --config policy.yaml
`,
    )
    .action((flags: SnapshotFlags) => snapshot(flags, context));
}

async function snapshot(flags: SnapshotFlags, context: CliContext): Promise<void> {
  const { out } = flags;
  if (out === undefined) {
    throw new CliError('USAGE', 'into which file? --out PATH is missing', {
      hint: 'For example --out image.sfp',
    });
  }
  const guest = chooseGuest(flags);
  const capture = await chooseCapture(flags);
  await imagePath(out);
  const report = context.report(flags.json === true);
  const signal = withTimeout(context.signal, flags);
  let verified = false;
  const check = async (path: string, checkSignal: AbortSignal) => {
    verified = await readBack(path, { context: { ...context, signal: checkSignal }, report });
  };
  const picture = await steered({ context, report, flags, capture, signal }, (controls) =>
    pictureGuest({
      context,
      report,
      guest,
      capture,
      signal: controls.signal,
      start: async (memory) =>
        controls.follow(
          takeSnapshot({
            guest: memory,
            sink: await openFileSink(out, flags.verify === true ? { check } : {}),
            ...controls.snapshotOptions(memory),
            capture: capture.capture,
            codec: pageCodec,
            signal: controls.signal,
          }),
        ),
    }),
  );
  const words = verified
    ? 'yes: read back, digest and oracle'
    : flags.verify === true
      ? 'digest only'
      : `not asked for (migrate verify ${out})`;
  const summary = pictureSummary(picture, verified);
  report.result(pictureText(summary, words), { ...summary, path: out });
}

/** Whether an oracle accepts the image; false when there is none for this guest. Throws what is wrong with it. */
async function readBack(path: string, { context, report }: LoadOptions): Promise<boolean> {
  const quiet = { ...report, event: () => undefined };
  await using loaded = await loadImage(path, { context, report: quiet });
  const check = await verifyImage(loaded.image, { signal: context.signal });
  report.event({ type: 'verify', ...check });
  if (check.oracle === null || check.verified) return check.verified;
  throw new SnapshotError('not-verified', check.message, {
    hint: 'The image came whole, but it is not the guest at the cut. It was dropped.',
  });
}
