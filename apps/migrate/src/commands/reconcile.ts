import { reconcileRecords } from '@stillframe/migration';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-code.ts';
import { type HandOverNote, readHandOver } from '../migration/hand-over-file.ts';

const WORDS = {
  source: 'The guest is the source’s: it may run there. What the destination has is to be dropped.',
  destination: 'The guest is the destination’s: it may run there. The source never runs it again.',
  unknown:
    'The source gave the guest up, but the destination has no record that it had it. Only who knows that the destination has nothing may run it at the source.',
} as const;

/** `migrate reconcile`: who owns a guest whose hand-over nobody saw the end of. */
export function addReconcile(root: Command, context: CliContext): void {
  root
    .command('reconcile')
    .description('say from the records of both sides who owns a guest after a broken hand-over')
    .argument('<RECORD>', 'that of one side, from --record')
    .argument('<RECORD>', 'that of the other')
    .option('--json', 'a JSON line')
    .addHelpText(
      'after',
      `
Ask when neither side runs any more. Exit code 0 when it is decided, 20 when it is not.

Examples:
  migrate reconcile source.record dest.record
`,
    )
    .action(async (first: string, second: string, flags: { readonly json?: boolean }) => {
      const notes = [await readHandOver(first), await readHandOver(second)];
      const source = notes.find((note) => note.side === 'source')?.word ?? missing('source');
      const destination = notes.find((note) => note.side === 'destination')?.word ?? missing('destination');
      const owner = reconcileRecords(source, destination);
      if (owner === 'unknown') context.setExitCode(exitCodes.indeterminate);
      const result = {
        type: 'summary',
        outcome: owner === 'unknown' ? 'indeterminate' : 'done',
        owner,
        source,
        destination,
      };
      context.report(flags.json === true).result(`  owner         ${owner}\n  ${WORDS[owner]}`, result);
    });
}

function missing(side: HandOverNote['side']): never {
  throw new CliError('USAGE', `neither record is that of the ${side}`, {
    hint: 'Give one of `migrate source --record` and one of `migrate dest --record`.',
  });
}
