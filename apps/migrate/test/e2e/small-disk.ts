import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';
import { Child, mainFile } from './child.ts';

/** Whether a file system of our own can be mounted, and why not. */
const trial = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { encoding: 'utf8' });

/** Skips where that cannot be: a full disk is made by mounting a small one. In CI that is a failure, like every skip. */
export function needMounts(context: TestContext): void {
  if (trial.status !== 0) context.skip(`cannot mount: ${trial.error?.message ?? trial.stderr.trim()}`);
}

/** A command that sees 8 MiB of disk at `folder`; nobody else sees them. */
export function onSmallDisk(folder: string, ...args: readonly string[]): Child {
  return onDisk('8m', folder, ...args);
}

/** As `onSmallDisk`, with `size` as mount(8) has it. */
export function onDisk(size: string, folder: string, ...args: readonly string[]): Child {
  const script = `mount -t tmpfs -o size=${size} none "$0" && exec "$@"`;
  return new Child('unshare', [
    '-m',
    'sh',
    '-c',
    script,
    folder,
    process.execPath,
    mainFile,
    ...args,
    '--json',
  ]);
}
