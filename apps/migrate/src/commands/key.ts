import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { writeKeyFile } from '../io/psk-file.ts';

interface KeyCommandFlags {
  readonly out?: string;
  readonly json?: boolean;
}

/** `migrate key`: a key file that images are sealed with. */
export function addKey(root: Command, context: CliContext): void {
  root
    .command('key')
    .description('make a key file for --key-file, readable only by its owner')
    .option('--out <FILE>', 'where to; an existing file is not replaced')
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Without the key nobody can read what was sealed with it, not even you: keep a copy, and not beside the images.

Example:
  migrate key --out image.key
  migrate snapshot --out image.sfp --key-file image.key --pid 1234
  migrate inspect image.sfp --key-file image.key
`,
    )
    .action((flags: KeyCommandFlags) => key(flags, context));
}

async function key({ out, json }: KeyCommandFlags, context: CliContext): Promise<void> {
  if (out === undefined || out === '') {
    throw new CliError('USAGE', 'where to? --out FILE is missing', { hint: 'For example --out image.key' });
  }
  await writeKeyFile(out);
  context
    .report(json === true)
    .result(`  key           ${out}, for --key-file: keep a copy of it elsewhere`, {
      type: 'summary',
      outcome: 'done',
      key: out,
    });
}
