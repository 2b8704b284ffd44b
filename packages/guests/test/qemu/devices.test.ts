import { mkdtempSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { checkWriter } from '../../../../tools/vm-guest/src/writer-oracle.ts';
import { decodeMachine, loadMachine, QmpClient, qemuGuest, startMachine } from '../../src/qemu/index.ts';
import type { JsonObject } from '../../src/qemu/json.ts';
import { pictureMachine } from './picture-machine.ts';
import { connected } from './connected.ts';

// One machine that is given one device after the other: plugged in and forgotten, none of them goes away again.

const TEST_MS = 90_000;
const DIMM_BYTES = 64 * 2 ** 20;
const SLOTS = ['-m', '256M,slots=2,maxmem=1G'];
const MARK = Buffer.from('on the second bank');

let machine: TestMachine;
beforeAll(async () => {
  machine = await TestMachine.boot({ pages: 1024, more: SLOTS });
}, TEST_MS);
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

async function executed(...commands: readonly (readonly [string, JsonObject?])[]): Promise<unknown> {
  const qmp = await QmpClient.connect(machine.qmp);
  try {
    let answer: unknown;
    // oxlint-disable-next-line no-await-in-loop -- each needs the one before
    for (const [command, values] of commands) answer = await qmp.execute(command, values);
    return answer;
  } finally {
    qmp.close();
  }
}

const file = (id: string) => path.join(path.dirname(machine.ram), id);
const backend = (id: string, size: number) =>
  ['object-add', { 'qom-type': 'memory-backend-file', id, size, share: true, 'mem-path': file(id) }] as const;
const device = (driver: string, values: JsonObject) =>
  ['device_add', { driver, id: driver, ...values }] as const;

test.skipIf(lacksMachine())(
  'memory that was plugged in is in the picture, and in the machine that goes on from it',
  async () => {
    await executed(backend('dimm0', DIMM_BYTES), device('pc-dimm', { memdev: 'dimm0' }));
    writeFileSync(file('dimm0'), MARK, { flag: 'r+' });
    await using guest = await qemuGuest({ qmp: machine.qmp });
    const { image } = await pictureMachine(guest);
    const saved = decodeMachine(image.state!);
    const ids = saved.manifest.ram.map(({ id }) => id);
    expect(image.regions.map(({ name }) => name)).toEqual(ids);
    expect(saved.manifest.ram.find(({ id }) => id === 'dimm0')).toMatchObject({ sizeBytes: DIMM_BYTES });
    const memoryOf = (id: string) => image.memory[ids.indexOf(id)]!;
    expect(Buffer.from(memoryOf('dimm0').subarray(0, MARK.byteLength))).toEqual(MARK);
    checkWriter(memoryOf('ram0'));

    const folder = mkdtempSync('/dev/shm/stillframe-vm-');
    for (const id of ['ram0', 'dimm0']) writeFileSync(path.join(folder, id), memoryOf(id));
    const dimm = `memory-backend-file,id=dimm0,size=${DIMM_BYTES},share=on,mem-path=${folder}/dimm0`;
    await using restored = TestMachine.waiting(folder, {
      pages: 1024,
      more: [...SLOTS, '-object', dimm, '-device', 'pc-dimm,id=pc-dimm,memdev=dimm0'],
    });
    const qmp = await connected(restored);
    await loadMachine(saved, { qmp, directory: folder });
    await startMachine(qmp);
    expect((await restored.check()).check).toBe('ok');
    qmp.close();
  },
  TEST_MS,
);

test.skipIf(lacksMachine())(
  'a balloon is pictured with the rest',
  async () => {
    await executed(device('virtio-balloon-pci', {}));
    await using guest = await qemuGuest({ qmp: machine.qmp });
    const { image } = await pictureMachine(guest);
    expect(decodeMachine(image.state!).devices.byteLength).toBeGreaterThan(0);
  },
  TEST_MS,
);

test.skipIf(lacksMachine())(
  'shared memory without a file is left out by QEMU before 8.1, and without it there are no devices after',
  async () => {
    const memfd = { 'qom-type': 'memory-backend-memfd', id: 'dimm1', size: DIMM_BYTES, share: true };
    const plugged = { driver: 'pc-dimm', id: 'second', memdev: 'dimm1' };
    await executed(['object-add', memfd], ['device_add', plugged]);
    await using guest = await qemuGuest({ qmp: machine.qmp });
    const isLeftOut = Number.parseFloat(guest.version) < 8.1;
    expect(guest.regions.map(({ name }) => name)).toContain('dimm1');
    expect(guest.hasDevices).toBe(isLeftOut);
  },
);

test.skipIf(lacksMachine())('memory that other processes may write is refused', async () => {
  await executed(backend('doorbell', 2 ** 20), device('ivshmem-plain', { memdev: 'doorbell' }));
  await expect(qemuGuest({ qmp: machine.qmp })).rejects.toMatchObject({
    code: 'QEMU_DEVICE_DMA',
    operands: { type: 'ivshmem-plain' },
  });
  expect(await executed(['query-status'])).toMatchObject({ status: 'running' });
});

test.skipIf(lacksMachine())(
  'a machine that sleeps is refused, and sleeps on',
  async () => {
    const qmp = await QmpClient.connect(machine.qmp);
    const asleep = new Promise<void>((resolve) => {
      qmp.onEvent(({ name }) => {
        if (name === 'SUSPEND') resolve();
      });
    });
    machine.fallAsleep();
    await asleep;
    qmp.close();
    await expect(qemuGuest({ qmp: machine.qmp })).rejects.toMatchObject({
      code: 'QEMU_RUN_STATE',
      operands: { status: 'suspended' },
    });
    expect(await executed(['query-status'])).toMatchObject({ status: 'suspended' });
  },
  TEST_MS,
);
