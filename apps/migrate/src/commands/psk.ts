import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { writeKeyFile } from '../io/psk-file.ts';

interface PskFlags {
  readonly out?: string;
  readonly json?: boolean;
}

/** `migrate psk`: a key file for both sides of a connection. */
export function addPsk(root: Command, context: CliContext): void {
  root
    .command('psk')
    .description('make a key file for --psk-file, readable only by its owner')
    .option('--out <FILE>', 'where to; an existing file is not replaced')
    .option('--json', 'JSON lines on stdout, a summary last')
    .addHelpText(
      'after',
      `
Example:
  migrate psk --out migrate.key
  scp -p migrate.key other-machine:
`,
    )
    .action((flags: PskFlags) => psk(flags, context));
}

async function psk({ out, json }: PskFlags, context: CliContext): Promise<void> {
  if (out === undefined || out === '') {
    // A key on a terminal or in a pipe is a key in a log.
    throw new CliError('USAGE', 'where to? --out FILE is missing', { hint: 'For example --out migrate.key' });
  }
  await writeKeyFile(out);
  const report = context.report(json === true);
  report.result(`  key           ${out}: copy it to the other side by a safe way, for --psk-file`, {
    type: 'summary',
    outcome: 'done',
    key: out,
  });
}
