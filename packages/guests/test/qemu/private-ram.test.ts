import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { checkWriter } from '../../../../tools/vm-guest/src/writer-oracle.ts';
import {
  decodeMachine,
  decodeManifest,
  QEMU_RAM_STATE_KIND,
  qemuGuest,
  qemuMovingGuest,
  QmpClient,
} from '../../src/qemu/index.ts';
import type { JsonObject } from '../../src/qemu/json.ts';
import { pictureMachine, ROOMY } from './picture-machine.ts';

const TEST_MS = 90_000;

let machine: TestMachine;
beforeAll(async () => {
  machine = await TestMachine.boot({ isPrivate: true });
}, TEST_MS);
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

async function executed(command: string, values?: JsonObject): Promise<unknown> {
  const qmp = await QmpClient.connect(machine.qmp);
  try {
    return await qmp.execute(command, values);
  } finally {
    qmp.close();
  }
}

/** A letter for each thread of QEMU (proc_pid_stat(5)). */
function threadStates(): string[] {
  return readdirSync(`/proc/${machine.pid}/task`).map((tid) => {
    const stat = readFileSync(`/proc/${machine.pid}/task/${tid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2)[0]!;
  });
}

describe.skipIf(lacksMachine())('a machine with private memory', () => {
  test(
    'stands still as a whole from pause to resume',
    async () => {
      await using guest = await qemuGuest({ qmp: machine.qmp });
      const capture = await guest.open(ROOMY);
      await guest.pause();
      capture.arm();
      expect(new Set(threadStates())).toEqual(new Set(['t']));
      await guest.resume();
      expect(threadStates()).not.toContain('t');
      await capture.close();
      expect((await machine.check()).check).toBe('ok');
    },
    TEST_MS,
  );

  test(
    'is pictured at one instant, without its devices, and goes on',
    async () => {
      const before = await machine.check();
      await using guest = await qemuGuest({ qmp: machine.qmp });
      expect(guest.hasDevices).toBe(false);
      const { image, summary } = await pictureMachine(guest);
      expect(summary.faults).toBeGreaterThan(0);
      expect(guest.pausedMs).toBeGreaterThan(0);
      expect(image.regions).toMatchObject([{ name: 'ram0', sizeBytes: 2 ** 28 }]);
      const { newest } = checkWriter(image.memory[0]!);
      expect(newest).toBeGreaterThanOrEqual(before.newest);
      const after = await machine.check();
      expect(after.check).toBe('ok');
      expect(after.newest).toBeGreaterThan(newest);

      expect(image.state).toMatchObject({ kind: QEMU_RAM_STATE_KIND });
      const { manifest, hasDevices } = decodeManifest(image.state!);
      expect(hasDevices).toBe(false);
      expect(manifest).toMatchObject({ wasRunning: true, ram: [{ id: 'ram0', sizeBytes: 2 ** 28 }] });
      expect(manifest.withDevices.map(({ id }) => id)).toContain('0000:00:02.0/vga.vram');
      expect(() => decodeMachine(image.state!)).toThrow(expect.objectContaining({ code: 'QEMU_NO_DEVICES' }));
    },
    TEST_MS,
  );

  test(
    'that is paused is paused afterwards, and can be pictured again',
    async () => {
      await executed('stop');
      const stamps: number[] = [];
      for (const _ of [1, 2]) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other is the point
        await using guest = await qemuGuest({ qmp: machine.qmp });
        // oxlint-disable-next-line no-await-in-loop -- as above
        const { image } = await pictureMachine(guest);
        expect(decodeManifest(image.state!).manifest.wasRunning).toBe(false);
        expect(guest.pausedMs).toBe(0);
        stamps.push(checkWriter(image.memory[0]!).newest);
      }
      expect(stamps[1]).toBe(stamps[0]);
      expect(await executed('query-status')).toMatchObject({ status: 'paused' });
      await executed('cont');
      expect((await machine.check()).check).toBe('ok');
    },
    TEST_MS,
  );

  test('is not pictured with a hook: its disks are not at rest', async () => {
    await expect(qemuGuest({ qmp: machine.qmp, onCut: async () => undefined })).rejects.toMatchObject({
      code: 'QEMU_RAM_PRIVATE',
    });
    expect(await executed('query-status')).toMatchObject({ status: 'running' });
  });

  test('does not move', async () => {
    await expect(qemuMovingGuest({ qmp: machine.qmp })).rejects.toMatchObject({ code: 'QEMU_RAM_PRIVATE' });
    expect(await executed('query-status')).toMatchObject({ status: 'running' });
  });

  test('with a balloon that reports free pages is refused: they would go during the picture', async () => {
    const balloon = { driver: 'virtio-balloon-pci', id: 'balloon', 'free-page-reporting': true };
    await executed('device_add', balloon);
    await expect(qemuGuest({ qmp: machine.qmp })).rejects.toMatchObject({ code: 'QEMU_BALLOON' });
    expect(await executed('query-status')).toMatchObject({ status: 'running' });
  });
});
