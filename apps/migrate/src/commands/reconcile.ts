import { reconcileRecords } from '@stillframe/migration';
import { formatDigest } from '@stillframe/page-stream';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-code.ts';
import { joinHalves } from '../halves/join-halves.ts';
import { openHalf } from '../halves/stored-half.ts';
import { wholeOfHalf, wordsOf } from '../halves/whole-half.ts';
import { imageOpener } from '../io/image-file.ts';
import { type HandOverNote, readHandOver } from '../migration/hand-over-file.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { type FlagNames, refuseWithoutEffect } from '../options/no-effect.ts';
import { showBytes, showCount } from '../report/units.ts';

const WORDS = {
  source: 'The guest is the source’s: it may run there. What the destination has is to be dropped.',
  destination: 'The guest is the destination’s: it may run there. The source never runs it again.',
  unknown:
    'The source gave the guest up, but the destination has no record that it had it. Only who knows that the destination has nothing may run it at the source.',
} as const;

interface ReconcileFlags extends KeyFlags {
  readonly join?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

const OF_JOIN: FlagNames = {
  out: '--out',
  keyFile: '--key-file',
  passphraseFile: '--passphrase-file',
  passphrase: '--passphrase',
};

/** `migrate reconcile`: who owns a guest whose hand-over nobody saw the end of; and one guest of two halves. */
export function addReconcile(root: Command, context: CliContext): void {
  const command = root
    .command('reconcile')
    .description(
      'after a broken hand-over: say from the records of both sides who owns the guest, or join the halves that both have saved',
    )
    .argument('<FILE>', 'that of one side, from --record; with --join, from --save-half')
    .argument('[FILE]', 'that of the other; with --join, leave it out when it is lost')
    .option('--join', 'the files are halves of a guest: make one image of them, named by --out')
    .option('--out <PATH>', 'with --join: the image; replaced only by a complete one');
  addKeyOptions(command)
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Ask when neither side runs any more. Exit code 0 when it is decided, 20 when it is not.

--join takes memory and state of the destination, where the guest went on, and from the source the pages that had not come. Halves of
different migrations, two of one side, and damaged ones are refused. One half alone is enough when it has every page, as that of the source
has: it is the guest as of the hand-over, and what it did at the destination since is lost. Sealed halves have one key, and the image of them gets it, too.

Examples:
  migrate reconcile source.record dest.record
  migrate reconcile --join source.half dest.half --out guest.sfp
  migrate reconcile --join source.half --out guest.sfp     that of the destination is lost
  migrate restore guest.sfp --into memory
`,
    )
    .action(async (first: string, second: string | undefined, flags: ReconcileFlags) => {
      if (flags.join === true) return await joinFiles(first, second, flags, context);
      refuseWithoutEffect(flags, OF_JOIN, 'without --join', 'Records make no image: leave it out.');
      if (second === undefined) {
        throw new CliError('USAGE', 'the record of the other side is missing', {
          hint: 'For example: migrate reconcile source.record dest.record',
        });
      }
      await decide([first, second], flags, context);
    });
}

async function decide(
  [first, second]: readonly [string, string],
  flags: ReconcileFlags,
  context: CliContext,
): Promise<void> {
  const notes = [await readHandOver(first), await readHandOver(second)];
  const source = notes.find((note) => note.side === 'source') ?? missing('source');
  const destination = notes.find((note) => note.side === 'destination') ?? missing('destination');
  const isOther = isOfAnother(source, destination);
  // What was said of another guest says nothing of this one.
  const owner = source.settled
    ? 'destination'
    : reconcileRecords(source.word, isOther ? 'none' : destination.word);
  if (owner === 'unknown') context.setExitCode(exitCodes.indeterminate);
  const report = context.report(flags.json === true);
  if (isOther && source.settled !== true) {
    report.talk(
      'the record of the destination is of another migration: in this one it never was ready to take the guest over',
    );
  }
  const result = {
    type: 'summary',
    outcome: owner === 'unknown' ? 'indeterminate' : 'done',
    owner,
    source: source.word,
    destination: destination.word,
    migration: source.migration ?? null,
    sameMigration: !isOther,
  };
  report.result(`  owner         ${owner}\n  ${WORDS[owner]}`, result);
}

/** Of files without a number nobody can tell. */
function isOfAnother(source: HandOverNote, destination: HandOverNote): boolean {
  const [a, b] = [source.migration, destination.migration];
  return a !== undefined && b !== undefined && a !== b;
}

async function joinFiles(
  path: string,
  otherPath: string | undefined,
  { out, json, ...flags }: ReconcileFlags,
  context: CliContext,
): Promise<void> {
  if (out === undefined || out === '') {
    throw new CliError('USAGE', 'into which file? --out PATH is missing', {
      hint: 'For example --out guest.sfp',
    });
  }
  const report = context.report(json === true);
  const startMs = performance.now();
  const key = await chooseKey(flags, context);
  const options = { context, report, open: imageOpener(key) };
  const writing = { out, key, signal: context.signal };
  await using half = await openHalf(path, options);
  await using other = otherPath === undefined ? undefined : await openHalf(otherPath, options);
  const { written, fromSource } =
    other === undefined
      ? { written: await wholeOfHalf(half, writing), fromSource: 0 }
      : await joinHalves([half, other], writing);
  if (other === undefined) report.talk(`of ${path} alone: ${wordsOf(half)}`);
  const { totals, bytes, streamId } = written;
  const digest = formatDigest(totals.digest);
  report.result(
    [
      `  pages         ${showCount(totals.pages)}${other === undefined ? '' : `, ${showCount(fromSource)} of them from the source only`}`,
      `  written       ${out}, ${showBytes(bytes)}`,
      `  digest        ${digest}`,
    ].join('\n'),
    {
      type: 'summary',
      outcome: 'done',
      out,
      pages: totals.pages,
      zeroPages: totals.zeroPages,
      halves: other === undefined ? 1 : 2,
      pagesFromSource: fromSource,
      bytes,
      streamId,
      digest,
      durationMs: performance.now() - startMs,
      verified: false,
    },
  );
}

function missing(side: HandOverNote['side']): never {
  throw new CliError('USAGE', `neither record is that of the ${side}`, {
    hint: 'Give one of `migrate source --record` and one of `migrate dest --record`.',
  });
}
