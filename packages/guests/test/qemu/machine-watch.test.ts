import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Userfaultfd } from '@stillframe/uffd';
import { expect, test } from 'vitest';
import { MachineWatch } from '../../src/qemu/moving/machine-watch.ts';

/** Ends when its input does, with 0. */
function startMachine(): ChildProcess {
  return spawn('cat', [], { stdio: ['pipe', 'ignore', 'ignore'] });
}

function watched(machine: ChildProcess): MachineWatch {
  const uffd = Userfaultfd.create({ userModeOnly: true });
  const watch = new MachineWatch(machine.pid!, uffd);
  // As with us: only the shell has it now.
  uffd.close();
  return watch;
}

test('a machine whose server is killed is ended', async () => {
  const machine = startMachine();
  watched(machine).lose();
  expect(await once(machine, 'exit')).toEqual([null, 'SIGKILL']);
});

test('a machine that has everything is left alone', async () => {
  const machine = startMachine();
  const watch = watched(machine);
  watch.end();
  watch.end();
  await watch.ended;
  machine.stdin!.end();
  expect(await once(machine, 'exit')).toEqual([0, null]);
});
