import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { none } from '@stillframe/limiter';
import { type Sink, takeSnapshot } from '@stillframe/snapshot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { checkWriter } from '../../../../tools/vm-guest/src/writer-oracle.ts';
import {
  decodeMachine,
  loadMachine,
  QemuError,
  QmpClient,
  qemuGuest,
  startMachine,
} from '../../src/qemu/index.ts';
import { connected } from './connected.ts';
import { pictureMachine, ROOMY } from './picture-machine.ts';

/** Boots once in some seconds; each picture takes less than one. */
const TEST_MS = 90_000;

let machine: TestMachine;
beforeAll(async () => {
  machine = await TestMachine.boot();
}, TEST_MS);
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

/** Asks QEMU something while nobody else is connected. */
async function asked<T>(vm: TestMachine, ask: (qmp: QmpClient) => Promise<T>): Promise<T> {
  const qmp = await QmpClient.connect(vm.qmp);
  try {
    return await ask(qmp);
  } finally {
    qmp.close();
  }
}
const statusOf = (vm: TestMachine) => asked(vm, (qmp) => qmp.execute('query-status'));

/** Whether it can be pictured, or the code of why not. */
const attached = async ({ qmp }: TestMachine): Promise<string> => {
  try {
    const guest = await qemuGuest({ qmp });
    await guest[Symbol.asyncDispose]();
    return 'attached';
  } catch (error) {
    return error instanceof QemuError ? error.code : String(error);
  }
};

describe.skipIf(lacksMachine())('a machine that writes', () => {
  test(
    'keeps its untouched memory untouched, and what it touches after the cut is not in the picture',
    async () => {
      const { blocks: before } = statSync(machine.ram);
      await using guest = await qemuGuest({ qmp: machine.qmp });
      const { image, summary } = await pictureMachine(guest);
      expect(summary.zeroPages).toBeGreaterThan(summary.pages / 4);
      checkWriter(image.memory[0]!);
      // The machine itself goes on touching some.
      expect(statSync(machine.ram).blocks - before).toBeLessThan((2 ** 28 - before * 512) / 512 / 4);
    },
    TEST_MS,
  );

  test(
    'is pictured at one instant, goes on, and goes on elsewhere from the picture',
    async () => {
      const before = await machine.check();
      await using guest = await qemuGuest({ qmp: machine.qmp });
      expect(guest.pid).toBe(machine.pid);
      const { image, summary } = await pictureMachine(guest);
      expect(summary.faults).toBeGreaterThan(0);
      expect(guest.pausedMs).toBeGreaterThan(0);
      const { newest } = checkWriter(image.memory[0]!);
      expect(newest).toBeGreaterThanOrEqual(before.newest);
      const after = await machine.check();
      expect(after.check).toBe('ok');
      expect(after.newest).toBeGreaterThan(newest);

      const saved = decodeMachine(image.state!);
      expect(saved.manifest).toMatchObject({ wasRunning: true, ram: [{ id: 'ram0', sizeBytes: 2 ** 28 }] });
      expect(saved.manifest.withDevices.map(({ id }) => id)).toContain('0000:00:02.0/vga.vram');
      const folder = mkdtempSync('/dev/shm/stillframe-vm-');
      writeFileSync(path.join(folder, 'ram0'), image.memory[0]!);
      await using restored = TestMachine.waiting(folder);
      const qmp = await connected(restored);
      await loadMachine(saved, { qmp, directory: folder });
      // It has not gone on: its memory still shows the cut.
      await startMachine(qmp);
      const there = await restored.check();
      expect(there.check).toBe('ok');
      expect(there.newest).toBeGreaterThanOrEqual(newest);
      expect((await restored.stalls()).stamps).toBeGreaterThan(0);
      qmp.close();
    },
    TEST_MS,
  );

  test(
    'goes on when the sink fails, and its settings are as before',
    async () => {
      const settings = () => asked(machine, (qmp) => qmp.execute('query-migrate-capabilities'));
      const before = await settings();
      const failing: Sink = {
        write: async () => {
          throw new Error('full');
        },
        end: async () => undefined,
        abort: async () => undefined,
      };
      {
        await using guest = await qemuGuest({ qmp: machine.qmp });
        await expect(
          takeSnapshot({ guest, sink: failing, limiter: none(), capture: ROOMY }).result,
        ).rejects.toThrow('full');
      }
      expect(await statusOf(machine)).toMatchObject({ status: 'running' });
      expect(await settings()).toEqual(before);
      expect((await machine.check()).check).toBe('ok');
    },
    TEST_MS,
  );

  test(
    'that is paused stays so, and goes on when it is told to',
    async () => {
      await asked(machine, (qmp) => qmp.execute('stop'));
      let newest: number;
      let isOld: boolean;
      {
        await using guest = await qemuGuest({ qmp: machine.qmp });
        const { image } = await pictureMachine(guest);
        expect(decodeMachine(image.state!).manifest.wasRunning).toBe(false);
        expect(guest.pausedMs).toBe(0);
        isOld = Number.parseInt(guest.version, 10) < 8;
        ({ newest } = checkWriter(image.memory[0]!));
      }
      // QEMU 7.2 has another name for a machine that was to migrate and did not, and saves it again only after it has run.
      const again = isOld ? 'QEMU_RUN_STATE' : 'attached';
      const status = isOld ? 'postmigrate' : 'paused';
      expect(await statusOf(machine)).toMatchObject({ status, running: false });
      expect(await attached(machine)).toBe(again);
      await asked(machine, (qmp) => qmp.execute('cont'));
      const after = await machine.check();
      expect(after.check).toBe('ok');
      expect(after.newest).toBeGreaterThanOrEqual(newest);
    },
    TEST_MS,
  );

  test(
    'runs a hook while it stands still; one that fails drops the picture only',
    async () => {
      const seen: unknown[] = [];
      {
        await using guest = await qemuGuest({
          qmp: machine.qmp,
          onCut: async () => {
            seen.push('cut');
            throw new Error('the disk is not pictured');
          },
        });
        await expect(pictureMachine(guest)).rejects.toThrow('the disk is not pictured');
      }
      expect(seen).toEqual(['cut']);
      expect(await statusOf(machine)).toMatchObject({ status: 'running' });
    },
    TEST_MS,
  );
});
