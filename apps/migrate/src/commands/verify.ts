import { PageStreamError, readImageHead } from '@stillframe/page-stream';
import { type ReceiveSummary, SnapshotError } from '@stillframe/snapshot';
import { SealedFileError } from '@stillframe/sealed-file';
import type { Command } from 'commander';
import { addParentOption, type ParentFlags } from '../chain/parent-option.ts';
import type { CliContext } from '../cli.ts';
import { checkChain } from '../check-chain.ts';
import { pageCodec } from '../codec.ts';
import { causesOf, exitCodes } from '../exit-code.ts';
import { imageOpener } from '../io/image-file.ts';
import { type LoadOptions, loadImage } from '../load-image.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { checkText } from '../report/check-text.ts';
import { tellLost } from '../tell-lost.ts';
import { type ImageCheck, NO_ORACLE, verifyImage } from '../verify-image.ts';
import { oracleOfKind } from '../oracle-of-kind.ts';

/** `migrate verify`: every byte of an image, and whether it is the guest at the cut. */
export function addVerify(root: Command, context: CliContext): void {
  const command = root
    .command('verify')
    .description(
      'check every byte of an image and ask its workload’s oracle; with two, also whether they hold the same memory',
    )
    .argument('<PATH>', 'an image file')
    .argument('[PATH]', 'another one to compare with')
    .option('--json', 'JSON lines on stdout, a summary last');
  addKeyOptions(addParentOption(command))
    .addHelpText(
      'after',
      `
Exit code 0 when all is well, 13 for a damaged image, whose lost pages are named, 15 when an oracle does not accept one or two of them differ.

Examples:
  migrate verify image.sfp
  migrate verify sent.sfp received.sfp --json
`,
    )
    .action((path: string, other: string | undefined, flags: VerifyFlags) =>
      verify(other === undefined ? [path] : [path, other], flags, context),
    );
}

interface VerifyFlags extends ParentFlags, KeyFlags {
  readonly json?: boolean;
}

interface Checked {
  readonly path: string;
  readonly summary: ReceiveSummary;
  readonly check: ImageCheck;
}

async function verify(paths: readonly string[], flags: VerifyFlags, context: CliContext): Promise<void> {
  const report = context.report(flags.json === true);
  const open = imageOpener(await chooseKey(flags, context));
  const checked: Checked[] = [];
  for (const path of paths) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other: each may need all the memory there is
    const one = await checkOne(path, {
      context,
      report,
      parents: flags.parent,
      open,
      mayBeUnused: paths.length > 1,
    });
    checked.push(one);
    report.result(`${path}\n${checkText(one.summary, one.check)}`, {
      type: 'image',
      path,
      ...one.summary,
      ...one.check,
    });
  }
  const [first, second] = checked;
  const difference = first && second ? differenceOf(first.summary, second.summary) : '';
  const refused = checked.find(({ check }) => check.oracle !== null && !check.verified);
  const verified = checked.every(({ check }) => check.verified) && difference === '';
  const outcome = refused ? 'refused' : difference === '' ? 'done' : 'different';
  if (refused) report.talk(`the oracle does not accept ${refused.path}: ${refused.check.message}`);
  if (second)
    report.result(difference === '' ? 'same memory' : `different: ${difference}`, comparison(difference));
  report.event({ type: 'summary', outcome, paths, digest: first?.summary.digest, verified });
  if (outcome !== 'done') context.setExitCode(exitCodes.refused);
}

/** Only an oracle needs the image in memory. Of a damaged one the first thing that is wrong is told, and then which pages are lost. */
async function checkOne(path: string, options: LoadOptions): Promise<Checked> {
  try {
    const kind = await stateKindOf(path, options);
    if (kind === undefined || oracleOfKind(kind) === undefined) {
      return { path, summary: await checkChain(path, options), check: NO_ORACLE };
    }
    await using loaded = await loadImage(path, options);
    const check = await verifyImage(loaded.image, { signal: options.context.signal });
    return { path, summary: loaded.summary, check };
  } catch (error) {
    if (isDamage(error)) await tellLost(path, options);
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  if (error instanceof SnapshotError && error.code === 'corrupt-stream') return true;
  return causesOf(error).some(
    (cause) =>
      cause instanceof SealedFileError && ['SEALED_DAMAGED', 'SEALED_TRUNCATED'].includes(cause.code),
  );
}

/** Undefined when the image does not get as far. */
async function stateKindOf(path: string, { open = imageOpener() }: LoadOptions): Promise<string | undefined> {
  await using source = await open(path);
  try {
    const read = (offset: number, length: number) => source.readAt(offset, length);
    return readImageHead(read, { sizeBytes: source.sizeBytes, codec: pageCodec }).state.kind;
  } catch (error) {
    if (error instanceof PageStreamError) return undefined;
    throw error;
  }
}

function comparison(difference: string): object {
  return { type: 'comparison', same: difference === '', difference };
}

/** Zero pages add nothing that tells two digests apart by size alone, so the regions are compared as well. Empty when the same. */
function differenceOf(one: ReceiveSummary, other: ReceiveSummary): string {
  if (one.stateKind !== other.stateKind) return `a ${one.stateKind} and a ${other.stateKind}`;
  if (layoutOf(one) !== layoutOf(other)) return 'their regions';
  return one.digest === other.digest ? '' : `their digests, ${one.digest} and ${other.digest}`;
}

function layoutOf({ regions }: ReceiveSummary): string {
  return JSON.stringify(regions.map(({ name, sizeBytes }) => [name, sizeBytes]));
}
