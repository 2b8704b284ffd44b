import type { Command } from 'commander';
import { addParentOption, type ParentFlags } from '../chain/parent-option.ts';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-code.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { imageOpener } from '../io/image-file.ts';
import { tellDamage } from '../report/damage.ts';
import { PageMapText } from '../report/page-map.ts';
import { showBytes, showCount } from '../report/units.ts';
import type { Salvaged } from '../salvage-image.ts';
import { isComplete, salvageInto } from '../salvage-into.ts';
import { lostPath } from '../salvaged-note.ts';
import { countLost, type DamagedImage, openDamaged } from '../salvage-pages.ts';

interface SalvageFlags extends ParentFlags, KeyFlags {
  readonly out?: string;
  readonly json?: boolean;
}

/** `migrate salvage`: what can be saved of a damaged image, and what cannot. */
export function addSalvage(root: Command, context: CliContext): void {
  const command = root
    .command('salvage')
    .description('save what is right of a damaged image, and say exactly what is lost')
    .argument('<PATH>', 'a damaged image file')
    .option('--out <PATH>', 'the new image: complete in itself, with zeros where pages are lost')
    .option('--json', 'JSON lines on stdout, a summary last');
  addKeyOptions(addParentOption(command))
    .addHelpText(
      'after',
      `
A page is saved only when every checksum on its way is right. When anything is lost, OUT.lost.json beside the image names it, and the
exit code is 13: an image with zeros in place of memory is never left without that. Without the head and the regions nothing can be saved.

Examples:
  migrate salvage damaged.sfp --out rest.sfp
  migrate salvage increment.sfp --parent full.sfp --out rest.sfp --json
`,
    )
    .action((path: string, flags: SalvageFlags) => salvage(path, flags, context));
}

async function salvage(path: string, flags: SalvageFlags, context: CliContext): Promise<void> {
  const { out } = flags;
  if (out === undefined || out === '') {
    throw new CliError('USAGE', 'into which file? --out PATH is missing', {
      hint: 'For example --out rest.sfp',
    });
  }
  const report = context.report(flags.json === true);
  const key = await chooseKey(flags, context);
  await using image = await tellDamage(report, () =>
    openDamaged(path, { parents: flags.parent, open: imageOpener(key) }),
  );
  const { parentTrouble, salvage: found } = image;
  if (parentTrouble !== '') report.talk(`what the image takes from its parent is lost: ${parentTrouble}`);
  const salvaged = await salvageInto(out, { path, image }, { key, signal: context.signal });
  const lostPages = countLost(salvaged.lost);
  const isWhole = isComplete(salvaged);
  const map = new PageMapText(found.regions);
  for (const run of salvaged.lost) {
    map.add(run);
    report.event({ type: 'lost', ...run });
  }
  report.result(
    [
      `  saved         ${showCount(pageCount(image) - lostPages)} pages, into ${out}, ${showBytes(salvaged.bytes)}`,
      `  lost          ${lostPages === 0 ? 'no page' : `${showCount(lostPages)} pages, which are zeros now`}`,
      ...(lostPages === 0 ? [] : [map.text('lost')]),
      `  state         ${salvaged.stateLost ? 'lost' : 'saved'}`,
      `  digest        ${digestWords(salvaged)}`,
      ...(isWhole ? [] : [`  named in      ${lostPath(out)}`]),
    ].join('\n'),
    {
      type: 'summary',
      outcome: isWhole ? 'done' : 'lost',
      path,
      out,
      pages: pageCount(image),
      lostPages,
      stateLost: salvaged.stateLost,
      digestOfSource: salvaged.digestOfSource,
      digest: salvaged.digest,
      streamId: salvaged.streamId,
      bytes: salvaged.bytes,
      report: isWhole ? null : lostPath(out),
      verified: false,
    },
  );
  if (!isWhole) context.setExitCode(exitCodes.corrupt);
}

function digestWords({ digest, digestOfSource }: Salvaged): string {
  if (digestOfSource === 'matches') return `${digest}, as the damaged image states`;
  if (digestOfSource === 'differs')
    return `${digest}, which is not what the damaged image states: do not trust it`;
  return `${digest}, of what was saved`;
}

function pageCount({ salvage: { regions } }: DamagedImage): number {
  return regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0);
}
