import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { machineWords, TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { Child, mainFile, startDest } from '../e2e/child.ts';
import { makeFolder } from '../e2e/folder.ts';

const TEST_MS = 90_000;

let machine: TestMachine;
beforeAll(async () => {
  machine = await TestMachine.boot({ isPrivate: true, pages: 64 });
}, TEST_MS);
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

test.skipIf(lacksMachine())(
  'a virtual machine with private memory is pictured without its devices, which is told, and no machine goes on from it',
  async () => {
    const folder = await makeFolder();
    const image = path.join(folder, 'vm.sfp');
    const taken = await run('snapshot', '--qmp', machine.qmp, '--out', image);
    expect(taken.summary).toMatchObject({ outcome: 'done', pages: 65_536, deviceBytes: 0 });
    expect(taken.summary!['missing']).toEqual(expect.arrayContaining(['devices', '0000:00:02.0/vga.vram']));
    expect(taken.lines).toContainEqual(expect.objectContaining({ type: 'warning', code: 'QEMU_NO_DEVICES' }));
    expect(taken.stderr).toContain('no machine goes on from it');
    expect((await machine.check()).check).toBe('ok');

    const { summary: seen } = await run('inspect', image);
    expect(seen).toMatchObject({ machine: { hasDevices: false }, state: { kind: 'qemu/ram@1' } });
    expect(await run('verify', image)).toMatchObject({ code: 0 });
    expect(await run('diff', image, image)).toMatchObject({ code: 0 });
    expect(await run('restore', image, '--into', 'memory')).toMatchObject({ code: 0 });
    const words = machineWords('memory-backend-memfd,share=on');
    const refused = await run('restore', image, '--into', 'qemu', '--', ...words);
    expect(refused.code).toBe(15);
    expect(refused.lines).toContainEqual(expect.objectContaining({ type: 'error', code: 'QEMU_NO_DEVICES' }));
  },
  TEST_MS,
);

test.skipIf(lacksMachine())(
  'is not moved: that needs its devices',
  async () => {
    const { to } = await startDest('--into', 'memory');
    const moved = await run('source', '--to', to, '--qmp', machine.qmp, '--mode', 'precopy');
    expect(moved.code).toBe(15);
    expect(moved.lines).toContainEqual(expect.objectContaining({ type: 'error', code: 'QEMU_RAM_PRIVATE' }));
    const sent = await run('source', '--to', to, '--qmp', machine.qmp);
    expect(sent.summary).toMatchObject({ outcome: 'done', mode: 'snapshot', deviceBytes: 0 });
    expect((await machine.check()).check).toBe('ok');
  },
  TEST_MS,
);

async function run(command: string, ...words: string[]) {
  return await new Child(process.execPath, [mainFile, command, '--json', ...words]).exit;
}
