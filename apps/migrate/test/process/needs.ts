import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { needUserfaultfd } from '../e2e/userfaultfd.ts';

const status = readFileSync('/proc/self/status', 'utf8');
const isConfined = !/^Seccomp:\s*0$/m.test(status);
const CAP_SYS_PTRACE = 19n;
const mayTrace = ((BigInt(`0x${/^CapEff:\s*(\S+)$/m.exec(status)?.[1]}`) >> CAP_SYS_PTRACE) & 1n) === 1n;

/** Skips where no process can be pictured: without rights, or where all are confined, as in a container as Docker makes it. */
export function needProcesses(context: TestContext): void {
  needUserfaultfd(context);
  if (isConfined) context.skip('seccomp confines this process and all that it starts');
  if (!mayTrace) context.skip('there is no CAP_SYS_PTRACE');
}

/** Skips where a program is not installed; in CI that is a failure, like every skip. */
export function needProgram(context: TestContext, ...names: readonly string[]): void {
  for (const name of names) {
    const { error } = spawnSync(name, ['--version'], { stdio: 'ignore' });
    if (error !== undefined) context.skip(`${name} cannot be run: ${error.message}`);
  }
}
