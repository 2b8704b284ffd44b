import { realpath } from 'node:fs/promises';
import { features, formatDigest } from '@stillframe/page-stream';
import type { Command } from 'commander';
import { type ImageChain, openChain } from '../chain/image-chain.ts';
import { ReadMark } from '../chain/read-mark.ts';
import { addParentOption, type ParentFlags } from '../chain/parent-option.ts';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { type FlattenOptions, flattenImage } from '../flatten-image.ts';
import { imageOpener } from '../io/image-file.ts';
import { imagePath } from '../io/image-path.ts';
import {
  addCompressionOptions,
  type CompressionFlags,
  chooseCompression,
} from '../options/compression-options.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { addOutKeyOptions, chooseOutKey, type OutKeyFlags } from '../options/out-key-options.ts';
import { openPacking } from '../packing.ts';
import { tellDamage } from '../report/damage.ts';
import { createProgress } from '../report/progress.ts';
import type { Report } from '../report/report.ts';
import { showBytes, showCount } from '../report/units.ts';
import type { WrittenImage } from '../write-image.ts';

interface FlattenFlags extends ParentFlags, KeyFlags, OutKeyFlags, CompressionFlags {
  readonly out?: string;
  readonly json?: boolean;
}

/** `migrate flatten`: an increment and all that it builds on, as one image. */
export function addFlatten(root: Command, context: CliContext): void {
  const command = root
    .command('flatten')
    .description('make one image, complete in itself, of an increment and the images below it')
    .argument('<PATH>', 'an image file')
    .option('--out <PATH>', 'the new image; replaced only by a complete one');
  addOutKeyOptions(addKeyOptions(addParentOption(addCompressionOptions(command, 'as PATH is'))))
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
The new image has the digest of the old one, or is not written: so all that it is made of was read and is right. It has an id of its own, so
increments that build on the old image do not build on the new one: keep what they need.
Without --compress and --same-as it is packed in the way in which PATH is, and it is sealed as PATH is without --out-…: so one image is sealed
anew, for the first time, or not any more.

Examples:
  migrate flatten tuesday.sfp --out full.sfp
  migrate flatten tuesday.sfp --parent sunday.sfp --parent monday.sfp --out full.sfp --compress zstd
  migrate flatten sealed.sfp --key-file old.key --out-key-file new.key --out resealed.sfp
`,
    )
    .action((path: string, flags: FlattenFlags) => flatten(path, flags, context));
}

async function flatten(path: string, flags: FlattenFlags, context: CliContext): Promise<void> {
  const { out } = flags;
  if (out === undefined || out === '') {
    throw new CliError('USAGE', 'into which file? --out PATH is missing', {
      hint: 'For example --out full.sfp',
    });
  }
  const report = context.report(flags.json === true);
  chooseCompression(flags);
  const key = await chooseKey(flags, context);
  const outKey = await chooseOutKey(flags, key);
  await tellDamage(report, async () => {
    const mark = new ReadMark();
    await using chain = await openChain(path, { parents: flags.parent, mark, open: imageOpener(key) });
    await assertApart(out, chain);
    using packing = await openPacking(chooseCompression(asBefore(flags, chain)), report);
    const startMs = performance.now();
    const work = (onPages: FlattenOptions['onPages']) =>
      flattenImage(chain.links, {
        out,
        key: outKey,
        chunks: { ...packing.chunks, index: true },
        signal: context.signal,
        onPages,
      });
    const flattened = await mark.naming(() => watched(chain, report, context, work));
    tell(report, {
      path,
      out,
      images: chain.links.length,
      flattened,
      durationMs: performance.now() - startMs,
    });
  });
}

/** What is not said is as it is in the image. */
function asBefore(flags: FlattenFlags, { top }: ImageChain): CompressionFlags {
  const has = (feature: keyof typeof features) => (top.identity.requiredFeatures & features[feature]) !== 0;
  const compress = has('ZSTD') ? 'zstd' : has('LZ4') ? 'auto' : 'none';
  return { compress, ...flags, sameAs: flags.sameAs ?? has('SAME_AS') };
}

/** Whoever overwrites a part of the chain can read none of it any more. */
async function assertApart(out: string, { links }: ImageChain): Promise<void> {
  const wanted = await imagePath(out);
  for (const { path } of links) {
    // oxlint-disable-next-line no-await-in-loop -- a few
    if ((await realpath(path)) !== wanted) continue;
    throw new CliError('REFUSED', `${out} is a part of what is to be read`, {
      hint: 'Name another file, and remove the old one afterwards.',
    });
  }
}

async function watched(
  { top }: ImageChain,
  report: Report,
  context: CliContext,
  work: (onPages: FlattenOptions['onPages']) => Promise<WrittenImage>,
): Promise<WrittenImage> {
  const progress = createProgress(context, 'flatten', report.isJson);
  const startMs = performance.now();
  const { pages } = top.identity.totals;
  let donePages = 0;
  let bytes = 0;
  try {
    return await work((pageCount, byteCount) => {
      donePages += pageCount;
      bytes += byteCount;
      progress.show({ pages, donePages, bytes, elapsedMs: performance.now() - startMs });
    });
  } finally {
    progress.end();
  }
}

interface Told {
  readonly path: string;
  readonly out: string;
  readonly images: number;
  readonly flattened: WrittenImage;
  readonly durationMs: number;
}

function tell(report: Report, { path, out, images, flattened, durationMs }: Told): void {
  const { totals, bytes, streamId } = flattened;
  const digest = formatDigest(totals.digest);
  report.result(
    [
      `  made of       ${images} ${images === 1 ? 'image' : 'images'}`,
      `  pages         ${showCount(totals.pages)}, ${showCount(totals.zeroPages)} of them zero`,
      `  written       ${out}, ${showBytes(bytes)}`,
      `  digest        ${digest}, as before`,
    ].join('\n'),
    {
      type: 'summary',
      outcome: 'done',
      path,
      out,
      images,
      pages: totals.pages,
      zeroPages: totals.zeroPages,
      dataBytes: totals.dataBytes,
      bytes,
      streamId,
      digest,
      durationMs,
      verified: false,
    },
  );
}
