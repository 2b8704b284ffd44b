import { type MemorySupport, type Outcome, type Probe, probe, type Tier } from '@stillframe/uffd';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { chosenCodec } from '../codec.ts';
import { exitCodes } from '../exit-code.ts';

/** `migrate doctor`: what this machine and this process can do, found out by doing it. */
export function addDoctor(root: Command, context: CliContext): void {
  root
    .command('doctor')
    .description('say whether snapshots work here, and what to change when they do not')
    .option('--json', 'one JSON line')
    .addHelpText(
      'after',
      `
Exit code 0 when the tier sync-wp works, which all snapshots use, 10 otherwise.

Examples:
  migrate doctor
  migrate doctor --json
`,
    )
    .action(({ json = false }: { json?: boolean }) => doctor(context, json, probe()));
}

/** Tells what was found. Apart from the command, so that it can be told of a machine that is not this one. */
export function doctor(context: CliContext, isJson: boolean, found: Probe): void {
  const isAble = found.tiers.some(({ name, available }) => name === 'sync-wp' && available);
  context.report(isJson).result(describe(found, isAble), {
    type: 'summary',
    outcome: isAble ? 'done' : 'unavailable',
    ...found,
    pageCodec: chosenCodec.implementation,
  });
  if (!isAble) context.setExitCode(exitCodes.userfaultfdUnavailable);
}

function describe(found: Probe, isAble: boolean): string {
  const { open, privileges, memory } = found;
  const rows: [string, string][] = [
    ['kernel', `Linux ${found.kernel}, ${found.architecture}, pages of ${found.pageSize} bytes`],
    ['system call', outcome(open.syscall)],
    ['device', outcome(open.device)],
    ['user mode only', outcome(open.userModeOnly)],
    ['process', describePrivileges(privileges)],
    ['anonymous', kinds(memory.anonymous)],
    ['shmem', kinds(memory.shmem)],
    ['hugetlb', kinds(memory.hugetlb)],
    ['PAGEMAP_SCAN', outcome(found.pagemapScan.outcome)],
    ['features', found.features.join(' ') || 'none'],
    ['checksums', chosenCodec.implementation],
  ];
  return [
    ...rows.map(([name, value]) => `  ${name.padEnd(15)} ${value}`),
    '',
    'Ways to capture memory, best first:',
    ...found.tiers.flatMap(describeTier),
    '',
    isAble ? 'Snapshots work here.' : 'Snapshots do not work here: they need sync-wp.',
  ].join('\n');
}

function describeTier({ name, title, available, reason, remedy }: Tier): string[] {
  const lines = [`  ${available ? 'yes' : 'no '}  ${name.padEnd(14)} ${title}`];
  if (reason !== null) lines.push(`       why: ${reason}`);
  if (remedy !== null && remedy !== '') lines.push(`       do:  ${remedy}`);
  return lines;
}

function describePrivileges(privileges: Probe['privileges']): string {
  const { effectiveUserId, sysPtrace, unprivilegedUserfaultfd, seccomp } = privileges;
  return [
    `user ${effectiveUserId ?? 'unknown'}`,
    `CAP_SYS_PTRACE ${sysPtrace === null ? 'unknown' : sysPtrace ? 'yes' : 'no'}`,
    `vm.unprivileged_userfaultfd ${unprivilegedUserfaultfd ?? 'unknown'}`,
    `seccomp ${seccomp ?? 'unknown'}`,
  ].join(' · ');
}

function outcome(tried: Outcome): string {
  return tried.ok ? 'works' : `no: ${tried.reason}`;
}

function kinds(support: MemorySupport): string {
  const names = (['missing', 'wp', 'minor'] as const).filter((name) => support[name]);
  return names.join(', ') || 'nothing can be watched';
}
