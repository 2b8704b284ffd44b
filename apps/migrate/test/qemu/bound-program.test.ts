import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { BoundProgram, FIRST_INHERITED_FD } from '../../src/qemu/bound-program.ts';
import { makeFolder } from '../e2e/folder.ts';

/** Writes a line to its first inherited descriptor, and never ends by itself. */
const WAITING = ['sh', '-c', `echo "$$ $0" >&${FIRST_INHERITED_FD}; exec sleep infinity`, 'here'];

async function started(command: readonly string[]) {
  const file = path.join(await makeFolder(), 'said');
  const fd = openSync(file, 'w+');
  const program = new BoundProgram(command, { stdout: 'stderr', fds: [fd] });
  closeSync(fd);
  return { program, file };
}

/** Looks until it is so. */
async function until(isSo: () => boolean): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- turn by turn
  while (!isSo()) await new Promise(setImmediate);
}

const isRunning = (file: string) => existsSync(file) && readFileSync(file, 'utf8').endsWith('here\n');

/** Who has this file open. */
function holders(file: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === file);
    } catch {
      return false;
    }
  });
}

test('a bound program is the child itself, and ends when we are killed', async () => {
  const { program, file } = await started(WAITING);
  await until(() => isRunning(file));
  expect(readFileSync(file, 'utf8')).toBe(`${program.child.pid} here\n`);
  const ended = once(program.child, 'exit');
  program.lose();
  expect(await ended).toEqual([null, 'SIGKILL']);
});

test('a program that was let go stays when we are killed, and nobody watches it any more', async () => {
  const { program, file } = await started(WAITING);
  await until(() => isRunning(file));
  expect(holders(file)).toHaveLength(2);
  program.letGo();
  program.letGo();
  await until(() => holders(file).length === 1);
  expect(holders(file)).toEqual([String(program.child.pid)]);
  program.lose();
  const ended = once(program.child, 'exit');
  program.child.kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
});

test('a program that ended by itself leaves no watch behind', async () => {
  const { program, file } = await started(['true']);
  expect(await once(program.child, 'exit')).toEqual([0, null]);
  expect(program.wasNotThere).toBe(false);
  await until(() => holders(file).length === 0);
});

test.for([['no-such-program'], ['/dev/null']])('%j is no program', async (command) => {
  const { program } = await started(command);
  await once(program.child, 'exit');
  expect(program.wasNotThere).toBe(true);
});
