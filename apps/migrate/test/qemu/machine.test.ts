import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { machineWords, TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { Child, mainFile } from '../e2e/child.ts';
import { makeFolder } from '../e2e/folder.ts';

const TEST_MS = 90_000;

describe.skipIf(lacksMachine())('a virtual machine', () => {
  test(
    'is pictured by its QMP socket, checked, and goes on from the picture in another QEMU',
    async () => {
      await using machine = await TestMachine.boot();
      const folder = await makeFolder();
      const image = path.join(folder, 'vm.sfp');
      const taken = await migrate(
        'snapshot',
        '--qmp',
        machine.qmp,
        '--out',
        image,
        '--on-cut',
        'echo at rest',
        '--json',
      );
      expect(taken.stderr).toContain('at rest');
      expect(taken.summary).toMatchObject({
        outcome: 'done',
        qemuPid: machine.pid,
        wasRunning: true,
        pages: 65_536,
      });
      const { check, newest } = await machine.check();
      expect(check).toBe('ok');

      await using restored = TestMachine.run([
        process.execPath,
        mainFile,
        'restore',
        image,
        '--into',
        'qemu',
        '--',
        ...machineWords('memory-backend-memfd,share=on'),
      ]);
      // What is sent before is for the serial port that is there before.
      await restored.says('the machine goes on');
      const there = await restored.check();
      expect(there.check).toBe('ok');
      expect(there.newest).toBeGreaterThan(0);
      expect(newest).toBeGreaterThan(0);
      restored.powerOff();
      expect(await restored.ended()).toBe(0);
    },
    TEST_MS,
  );

  test(
    'is left alone when the command at the cut fails',
    async () => {
      await using machine = await TestMachine.boot({ pages: 64 });
      const out = path.join(await makeFolder(), 'vm.sfp');
      const refused = await migrate(
        'snapshot',
        '--qmp',
        machine.qmp,
        '--out',
        out,
        '--on-cut',
        'exit 3',
        '--json',
      );
      expect(refused).toMatchObject({ code: 15 });
      expect((await machine.check()).check).toBe('ok');
    },
    TEST_MS,
  );

  test(
    'goes on when `migrate` is killed while it stands still',
    async () => {
      await using machine = await TestMachine.boot({ pages: 64 });
      const out = path.join(await makeFolder(), 'vm.sfp');
      const killed = await migrate(
        'snapshot',
        '--qmp',
        machine.qmp,
        '--out',
        out,
        '--on-cut',
        'kill -9 $PPID',
      );
      expect(killed.code).toBe('SIGKILL');
      const first = await machine.check();
      const second = await machine.check();
      expect(first.check).toBe('ok');
      expect(second.newest).toBeGreaterThan(first.newest);
    },
    TEST_MS,
  );

  test('that nobody listens for is a peer that is not reached', async () => {
    const out = path.join(await makeFolder(), 'vm.sfp');
    expect(await migrate('snapshot', '--qmp', '/nowhere/qmp', '--out', out, '--json')).toMatchObject({
      code: 11,
    });
  });
});

test.for([
  ['--qmp', 's', '--pid', '1'],
  ['--qmp', 's', '--workload', 'counter'],
  ['--on-cut', 'true', '--pid', '1'],
])('%j is a mistake of usage', async (flags) => {
  expect(await migrate('snapshot', ...flags, '--out', 'vm.sfp', '--json')).toMatchObject({ code: 2 });
});

async function migrate(...words: string[]) {
  return await new Child(process.execPath, [mainFile, ...words]).exit;
}
