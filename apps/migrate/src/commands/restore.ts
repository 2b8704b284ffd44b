import type { Command } from 'commander';
import { addParentOption, type ParentFlags } from '../chain/parent-option.ts';
import type { CliContext } from '../cli.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-code.ts';
import { restoreToChild } from '../exec/restore-to-child.ts';
import { refuseHalf } from '../halves/refuse-half.ts';
import { DirectoryTarget } from '../io/directory-target.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { imageOpener } from '../io/image-file.ts';
import { type LoadOptions, loadImage, restoreInto } from '../load-image.ts';
import { addLazyOptions, type LazyFlags, prefetchRate } from '../lazy/lazy-options.ts';
import { restoreByHandoff } from '../lazy/restore-by-handoff.ts';
import { restoreLazily } from '../lazy/restore-lazily.ts';
import { checkText } from '../report/check-text.ts';
import { restoreMachineLazily } from '../qemu/restore-machine-lazily.ts';
import { restoreToMachine } from '../qemu/restore-to-machine.ts';
import { showBytes, showCount, showMs } from '../report/units.ts';
import { verifyImage } from '../verify-image.ts';

interface RestoreFlags extends ParentFlags, KeyFlags, LazyFlags {
  readonly into?: string;
  readonly json?: boolean;
}

/** `migrate restore`: brings an image back, all of it at once. */
export function addRestore(root: Command, context: CliContext): void {
  const command = root
    .command('restore')
    .description(
      'bring an image back: into memory, to prove that it works, into raw files, a program or a QEMU',
    )
    .argument('<PATH>', 'an image file')
    .argument('[COMMAND...]', 'for --into exec and qemu, behind --: the program and its arguments')
    .option(
      '--into <WHERE>',
      'memory, exec for a child that gets it, qemu for a virtual machine, or file:DIR for a new directory with NAME.mem for each region, state.bin and manifest.json',
    )
    .option('--json', 'JSON lines on stdout, a summary last');
  addKeyOptions(addLazyOptions(addParentOption(command)))
    .addHelpText(
      'after',
      `
memory brings the image up in this process, asks its workload’s oracle, and ends. file:DIR appears only when it is complete; an
existing DIR is refused. exec starts COMMAND with the memory as inherited files: descriptor STILLFRAME_MANIFEST_FD is JSON that says which is
which; the exit code is the child's. Memory that is zero takes no room in any of them.

qemu starts COMMAND, the QEMU of a machine with the same make, with the image's memory behind its memory backends, and lets the machine go on.

--lazy gives the memory at once. With --into memory the oracle touches it; what was touched is recorded in PATH.ws and fetched first the
next time. With --into qemu the machine goes on at once; if it touches a page, it waits for that page only. With --handoff the monitor of a machine connects to SOCKET, sends its mappings and its userfaultfd, and its memory is served
until it ends. A page that is damaged in the image ends who touches it (SIGBUS): it is never zeros. A machine
in QEMU is ended as soon as one is found, touched or not (exit code 13).

Examples:
  migrate restore image.sfp --into memory
  migrate restore image.sfp --lazy --into memory
  migrate restore image.sfp --lazy --handoff /run/vm/uffd.sock
  migrate restore image.sfp --into file:restored
  migrate restore image.sfp --into exec -- python3 look.py
  migrate restore vm.sfp --into qemu -- qemu-system-x86_64 -m 2G -object memory-backend-file,id=ram0,… …
  migrate restore vm.sfp --lazy --into qemu -- qemu-system-x86_64 -m 2G -object memory-backend-file,id=ram0,… …
`,
    )
    .action((path: string, program: readonly string[], flags: RestoreFlags) =>
      restore(path, program, flags, context),
    );
}

async function restore(
  path: string,
  command: readonly string[],
  flags: RestoreFlags,
  context: CliContext,
): Promise<void> {
  const report = context.report(flags.json === true);
  const options = {
    context,
    report,
    parents: flags.parent,
    open: imageOpener(await chooseKey(flags, context)),
  };
  const prefetch = prefetchRate(flags);
  await refuseHalf(path, options.open);
  if (flags.handoff !== undefined && flags.into === undefined) {
    return await restoreByHandoff(path, flags.handoff, prefetch, options);
  }
  if (flags.lazy === true && (!LAZY.has(flags.into) || flags.handoff !== undefined)) {
    throw new CliError('USAGE', '--lazy goes with either --into memory, --into qemu, or --handoff SOCKET', {
      hint: 'Memory of a file or of a child is restored as a whole.',
    });
  }
  const isJson = flags.json === true;
  if (flags.lazy === true && flags.into === 'qemu') {
    return await restoreMachineLazily(path, command, prefetch, { ...options, isJson });
  }
  if (flags.into === 'exec') return await restoreToChild(path, command, options, isJson);
  if (flags.into === 'qemu') return await restoreToMachine(path, command, options, isJson);
  if (command.length > 0) {
    throw new CliError(
      'USAGE',
      `what is ${JSON.stringify(command[0])}? A command goes with --into exec and qemu only`,
      {
        hint: 'One image is restored at a time.',
      },
    );
  }
  const directory = parseInto(flags.into);
  if (flags.lazy === true) await restoreLazily(path, prefetch, options);
  else if (directory === undefined) await restoreToMemory(path, options);
  else await restoreToDirectory(path, directory, options);
}

/** What can go on before its memory has come. */
const LAZY: ReadonlySet<string | undefined> = new Set(['memory', 'qemu']);

/** The directory, or undefined for memory. */
function parseInto(into: string | undefined): string | undefined {
  if (into === 'memory') return undefined;
  const directory = /^file:(.+)$/.exec(into ?? '')?.[1];
  if (directory !== undefined) return directory;
  const hint = 'Use --into memory, --into file:DIR, --into exec -- COMMAND, or --into qemu -- COMMAND.';
  if (into === undefined) throw new CliError('USAGE', 'into what? --into is missing', { hint });
  throw new CliError('USAGE', `--into ${into} is nothing I know`, { hint });
}

async function restoreToMemory(path: string, options: LoadOptions): Promise<void> {
  const { context, report } = options;
  await using loaded = await loadImage(path, options);
  const { image, summary } = loaded;
  const check = await verifyImage(image, { signal: context.signal });
  const isRefused = check.oracle !== null && !check.verified;
  report.result(checkText(summary, check), {
    type: 'summary',
    outcome: isRefused ? 'refused' : 'done',
    path,
    into: 'memory',
    ...summary,
    ...check,
  });
  if (isRefused) {
    report.talk(`the oracle does not accept ${path}: ${check.message}`);
    context.setExitCode(exitCodes.refused);
  }
}

async function restoreToDirectory(path: string, directory: string, options: LoadOptions): Promise<void> {
  const target = new DirectoryTarget(directory);
  // Now, not after a first look at the image: it is the quicker answer, and a clearer one.
  await target.assertFree();
  const summary = await restoreInto(path, target, options);
  const { pages, zeroPages, bytes, durationMs, digest } = summary;
  options.report.result(
    [
      `  pages         ${showCount(pages)}, ${showCount(zeroPages)} of them zero, which take no room`,
      `  read          ${showBytes(bytes)} in ${showMs(durationMs)}`,
      `  digest        ${digest}, right, like every checksum`,
      `  restored to   ${directory}`,
    ].join('\n'),
    { type: 'summary', outcome: 'done', path, into: `file:${directory}`, ...summary, verified: false },
  );
}
