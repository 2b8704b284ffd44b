import { spawnSync } from 'node:child_process';

/** Why no machine can be run here; undefined when one can. */
export function whyNoMachine(): string | undefined {
  const { error } = spawnSync('qemu-system-x86_64', ['--version'], { stdio: 'ignore' });
  return error?.message;
}
