import type { StoredImage } from '@stillframe/page-stream';
import type { Command } from 'commander';
import { ChainPages } from '../chain/chain-pages.ts';
import { openChain } from '../chain/image-chain.ts';
import { ReadMark } from '../chain/read-mark.ts';
import { addParentOption, type ParentFlags } from '../chain/parent-option.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { imageOpener } from '../io/image-file.ts';
import type { CliContext } from '../cli.ts';
import { diffImages } from '../diff-images.ts';
import { exitCodes } from '../exit-code.ts';
import { tellDamage } from '../report/damage.ts';
import { PageMapText } from '../report/page-map.ts';
import type { Report } from '../report/report.ts';
import { showCount } from '../report/units.ts';

interface DiffFlags extends ParentFlags, KeyFlags {
  readonly json?: boolean;
}

/** `migrate diff`: which pages two images hold differently. */
export function addDiff(root: Command, context: CliContext): void {
  const command = root
    .command('diff')
    .description('compare two images page by page')
    .argument('<A>', 'an image file')
    .argument('<B>', 'another one')
    .option('--json', 'JSON lines on stdout: a run of pages each, a summary last');
  addKeyOptions(addParentOption(command))
    .addHelpText(
      'after',
      `
Exit code 0 when they hold the same memory and state, 15 when they differ, 13 for a damaged image. Pages that both take from the same
image below them are not read, so increments of one image are compared quickly. Checksums of what is read are checked, digests are not.
The map shows a region from its first page to its last: · nothing differs, ░▒▓ some, █ all.

Examples:
  migrate diff before.sfp after.sfp
  migrate diff full.sfp increment.sfp --json
`,
    )
    .action((one: string, other: string, flags: DiffFlags) => diff([one, other], flags, context));
}

async function diff(paths: readonly [string, string], flags: DiffFlags, context: CliContext): Promise<void> {
  const report = context.report(flags.json === true);
  const mark = new ReadMark();
  const open = imageOpener(await chooseKey(flags, context));
  const compareAll = async () => {
    const choice = { parents: flags.parent, mayBeUnused: true, mark, open };
    await using one = await openChain(paths[0], choice);
    await using other = await openChain(paths[1], choice);
    const a = new ChainPages(one.links);
    const b = new ChainPages(other.links);
    const difference = differenceOf(a.top, b.top);
    const found =
      difference === REGIONS
        ? { differing: new PageMapText([]), pages: 0, readPages: 0 }
        : await compare(a, b, report, context.signal);
    const pages = found.differing.pages;
    const isSame = pages === 0 && difference === '';
    report.result(describe(found, difference), {
      type: 'summary',
      outcome: isSame ? 'done' : 'different',
      same: isSame,
      paths,
      difference,
      differingPages: pages,
      comparedPages: found.pages,
      readPages: found.readPages,
      verified: false,
    });
    if (!isSame) context.setExitCode(exitCodes.refused);
  };
  await tellDamage(report, () => mark.naming(compareAll));
}

const REGIONS = 'their regions';

/** What two images differ in besides their pages; empty when in nothing. */
function differenceOf(one: StoredImage, other: StoredImage): string {
  if (layoutOf(one) !== layoutOf(other)) return REGIONS;
  const [a, b] = [one.readState(), other.readState()];
  if (a.kind !== b.kind) return `a ${a.kind} and a ${b.kind}`;
  return Buffer.compare(a.bytes, b.bytes) === 0 ? '' : 'their states';
}

interface Compared {
  readonly differing: PageMapText;
  readonly pages: number;
  readonly readPages: number;
}

async function compare(
  one: ChainPages,
  other: ChainPages,
  report: Report,
  signal: AbortSignal,
): Promise<Compared> {
  const differing = new PageMapText(one.top.regions);
  let pages = 0;
  let readPages = 0;
  const onPages = (count: number, readCount: number) => {
    pages += count;
    readPages += readCount;
  };
  for await (const run of diffImages(one, other, { signal, onPages })) {
    report.event({ type: 'run', ...run });
    differing.add(run);
  }
  return { differing, pages, readPages };
}

function layoutOf({ regions }: StoredImage): string {
  return JSON.stringify(regions.map(({ name, sizeBytes, pageSize }) => [name, sizeBytes, pageSize]));
}

function describe({ differing, pages, readPages }: Compared, difference: string): string {
  const all = [differing.pages === 0 ? '' : `${showCount(differing.pages)} pages`, difference];
  const differences = all.filter((text) => text !== '').join(', and ');
  return [
    differences === '' ? 'same memory' : `different: ${differences}`,
    `  compared      ${showCount(pages)} pages, of which ${showCount(readPages)} had to be read`,
    differing.text('differ'),
  ]
    .filter((line) => line !== '')
    .join('\n');
}
