import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { QmpClient } from '@stillframe/guests/qemu';
import { describe, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import {
  machineWords,
  TestMachine,
  type TestMachineOptions,
} from '../../../../tools/vm-guest/src/test-machine.ts';
import { cuttingProxy } from '../e2e/cutting-proxy.ts';
import { Child, mainFile, migrate } from '../e2e/child.ts';

const TEST_MS = 90_000;
const PAGES = 8192;
/** Less than the loopback carries, more than nothing: some rounds. */
const RATE = 5000;
const WRITER = { pages: PAGES, rate: RATE };

/** A `migrate dest` whose machine talks to us through it. */
async function startPlace(...machine: readonly string[]): Promise<{ place: TestMachine; to: string }> {
  const args = ['dest', '--listen', '127.0.0.1:0', '--once', '--into', 'qemu', '--'];
  const place = TestMachine.run([process.execPath, mainFile, ...args, ...machine]);
  await place.says('listening on ');
  const line = place.errors.find((each) => each.includes('listening on '))!;
  return { place, to: line.slice(line.indexOf('listening on ') + 'listening on '.length).trim() };
}

const here = (words: TestMachineOptions = WRITER) => machineWords('memory-backend-memfd,share=on', words);

async function statusOf({ qmp }: TestMachine): Promise<unknown> {
  const client = await QmpClient.connect(qmp);
  try {
    return await client.execute('query-status');
  } finally {
    client.close();
  }
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
}

/** Of a process; empty when there is none. */
function nameOf(pid: string): string {
  const file = `/proc/${pid}/comm`;
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** It runs, and its memory is right. */
async function expectAlive(machine: TestMachine): Promise<void> {
  const first = await machine.check();
  const second = await machine.check();
  expect([first.check, second.check]).toEqual(['ok', 'ok']);
  expect(second.newest).toBeGreaterThan(first.newest);
}

describe.skipIf(lacksMachine())('a virtual machine that moves', () => {
  test(
    'goes on at the destination with all that it wrote, and its QEMU at the source ends without having run again',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const before = await machine.check();
      const { place, to } = await startPlace(...here());
      await using arrived = place;
      const left = await migrate('source', '--to', to, '--qmp', machine.qmp, '--mode', 'precopy').exit;
      expect(left).toMatchObject({ code: 0, summary: { outcome: 'done', mode: 'precopy' } });
      expect(left.summary!['sentPages']).toBeGreaterThan(65_536);
      expect(await machine.ended()).toBe(0);

      const there = await arrived.check();
      expect(there.check).toBe('ok');
      expect(there.newest).toBeGreaterThan(before.newest);
      await expectAlive(arrived);
      arrived.powerOff();
      expect(await arrived.ended()).toBe(0);
    },
    TEST_MS,
  );

  // How many pages it touches before they came, at least: all that it needs to run, or a few that are stale.
  test.for([
    ['postcopy', 1, /[1-9][\d,]* of them by the lane of faults/],
    ['hybrid', 0, /of them by the lane of faults/],
  ] as const)(
    'goes on at the destination in mode %s before all of its memory has come',
    { timeout: TEST_MS },
    async ([mode, touched, words]) => {
      await using machine = await TestMachine.boot(WRITER);
      const before = await machine.check();
      const { place, to } = await startPlace(...here());
      await using arrived = place;
      // Rounds that cannot be enough make a hybrid switch.
      const switching = mode === 'hybrid' ? ['--max-rounds', '1', '--downtime-ms', '0.001'] : [];
      const flags = ['--qmp', machine.qmp, '--mode', mode, ...switching];
      const left = await migrate('source', '--to', to, ...flags).exit;
      expect(left).toMatchObject({ code: 0, summary: { outcome: 'done', mode, postcopy: true } });
      expect(left.summary!['requestedPages']).toBeGreaterThanOrEqual(touched);
      expect(await machine.ended()).toBe(0);
      await arrived.says('touched early ');
      expect(arrived.errors.join('\n')).toMatch(words);

      const there = await arrived.check();
      expect(there.check).toBe('ok');
      expect(there.newest).toBeGreaterThan(before.newest);
      await expectAlive(arrived);
      arrived.powerOff();
      expect(await arrived.ended()).toBe(0);
    },
  );

  test(
    'goes on at the source when QEMU does not start at the destination',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const { place, to } = await startPlace(...here(), '-device', 'no-such-device');
      await using nowhere = place;
      const left = await migrate('source', '--to', to, '--qmp', machine.qmp, '--mode', 'precopy').exit;
      expect(left.code).toBe(15);
      expect(left.lines).toContainEqual(expect.objectContaining({ type: 'guest', state: 'here' }));
      expect(await nowhere.ended()).not.toBe(0);
      await expectAlive(machine);
    },
    TEST_MS,
  );

  test(
    'goes on at the source when its devices do not fit the QEMU at the destination',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const { place, to } = await startPlace(...here().map((word) => (word === 'std' ? 'none' : word)));
      await using nowhere = place;
      const left = await migrate('source', '--to', to, '--qmp', machine.qmp, '--mode', 'precopy').exit;
      expect(left.lines).toContainEqual(expect.objectContaining({ type: 'guest', state: 'here' }));
      expect(await nowhere.ended()).not.toBe(0);
      await expectAlive(machine);
      expect(await statusOf(machine)).toMatchObject({ status: 'running' });
    },
    TEST_MS,
  );

  test(
    'goes on at the source when the link breaks while its pages are sent',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const { place, to } = await startPlace(...here());
      await using nowhere = place;
      const port = Number(to.split(':').at(-1));
      const link = await cuttingProxy(port, [{ from: 'source', atByte: 16 * 2 ** 20, how: 'reset' }]);
      const left = await migrate('source', '--to', link.to, '--qmp', machine.qmp, '--mode', 'precopy').exit;
      expect(left.code).toBe(11);
      expect(left.lines).toContainEqual(expect.objectContaining({ type: 'guest', state: 'here' }));
      expect(await nowhere.ended()).toBe(11);
      await expectAlive(machine);
    },
    TEST_MS,
  );

  test(
    'is ended, and never reads zeros, when `migrate` is killed while it misses memory',
    async () => {
      // Much is missing for long enough.
      const large = { pages: 65_536, rate: RATE, memoryMiB: 512 };
      await using machine = await TestMachine.boot(large);
      const words = ['--listen', '127.0.0.1:0', '--once', '--json', '--into', 'qemu', '--', ...here(large)];
      const dest = new Child(process.execPath, [mainFile, 'dest', ...words]);
      const { port } = await dest.line('listening');
      const to = `127.0.0.1:${String(port)}`;
      const source = migrate('source', '--to', to, '--qmp', machine.qmp, '--mode', 'postcopy');
      await dest.line('phase', { phase: 'fetch' });
      source.kill('SIGSTOP');
      const qemu = childrenOf(dest.pid).find((pid) => nameOf(pid).startsWith('qemu'))!;
      dest.kill('SIGKILL');
      await promisify(execFile)('tail', [`--pid=${qemu}`, '-f', '/dev/null']);
      expect(nameOf(qemu)).toBe('');
      // What it was is complete at the source, at rest.
      source.kill('SIGKILL');
      await source.exit;
      expect(await statusOf(machine)).toMatchObject({ status: 'postmigrate', running: false });
    },
    TEST_MS,
  );

  test(
    'goes on at the source when `migrate` is killed while it stands still',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const { place, to } = await startPlace(...here());
      await using nowhere = place;
      const flags = ['--qmp', machine.qmp, '--mode', 'precopy', '--on-cut', 'kill -9 $PPID'];
      expect(await migrate('source', '--to', to, ...flags).exit).toMatchObject({ code: 'SIGKILL' });
      expect(await nowhere.ended()).toBe(11);
      await expectAlive(machine);
    },
    TEST_MS,
  );
});

test.for([
  ['--pid', '1'],
  ['--workload', 'counter'],
  ['--serve', '127.0.0.1:1'],
  ['--before-ms', '1'],
  ['--brake', '50'],
])('%s with a machine that moves is a mistake of usage', async (flags) => {
  const words = ['source', '--to', '127.0.0.1:1', '--qmp', '/nowhere/qmp', '--mode', 'precopy'];
  const wrong = await migrate(...words, ...flags).exit;
  expect(wrong.code).toBe(2);
});
