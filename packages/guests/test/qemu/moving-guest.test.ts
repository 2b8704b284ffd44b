import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { checkWriter } from '../../../../tools/vm-guest/src/writer-oracle.ts';
import { decodeMachine, QmpClient, type QemuMovingGuest, qemuMovingGuest } from '../../src/qemu/index.ts';

/** Boots once in some seconds. */
const TEST_MS = 90_000;
const PAGE_BYTES = 4096;
const ROUNDS = 3;
/** `Date.now` counts whole milliseconds. */
const CLOCK_STEP_MS = 1;

let machine: TestMachine;
beforeAll(async () => {
  machine = await TestMachine.boot({ pages: 4096 });
}, TEST_MS);
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

/** Asks QEMU while nobody else is connected. */
async function asked(command: string): Promise<unknown> {
  const qmp = await QmpClient.connect(machine.qmp);
  try {
    return await qmp.execute(command);
  } finally {
    qmp.close();
  }
}

async function expectAlive(): Promise<void> {
  const first = await machine.check();
  const second = await machine.check();
  expect([first.check, second.check]).toEqual(['ok', 'ok']);
  expect(second.newest).toBeGreaterThan(first.newest);
}

describe.skipIf(lacksMachine())('a machine that is to move', () => {
  test(
    'is copied in rounds while it writes, and the copy shows the instant of its pause',
    async () => {
      await using guest = await qemuMovingGuest({ qmp: machine.qmp });
      const [ram] = guest.regions;
      const copy = new Uint8Array(ram!.sizeBytes);
      const tracker = await guest.track();
      guest.readPages(0, 0, copy);
      const rounds = [0];
      for (let round = 0; round < ROUNDS; round++) {
        // oxlint-disable-next-line no-await-in-loop -- round after round
        rounds.push(await copyDirty(guest, tracker, copy));
      }
      await guest.pause();
      rounds.push(await copyDirty(guest, tracker, copy));
      const state = decodeMachine(await guest.saveState());
      const now = new Uint8Array(copy.byteLength);
      guest.readPages(0, 0, now);
      expect(Buffer.compare(copy, now)).toBe(0);
      expect(checkWriter(copy).newest).toBeGreaterThan(0);
      expect(state.manifest).toMatchObject({ wasRunning: true, ram: [{ id: 'ram0' }] });
      expect(Math.max(...rounds)).toBeGreaterThan(0);
      expect(await tracker.collect()).toEqual([]);
      await tracker.close();
      await guest.resume();
      await expectAlive();
    },
    TEST_MS,
  );

  test(
    'goes on when we let go of it before it is given up',
    async () => {
      {
        await using guest = await qemuMovingGuest({ qmp: machine.qmp });
        await guest.pause();
      }
      expect(await asked('query-status')).toMatchObject({ status: 'running' });
      await expectAlive();
    },
    TEST_MS,
  );

  test(
    'stands still once it is given up, whatever becomes of us, until somebody lets it go on',
    async () => {
      {
        await using guest = await qemuMovingGuest({ qmp: machine.qmp });
        await guest.pause();
        await guest.relinquish();
      }
      expect(await asked('query-status')).toMatchObject({ status: 'postmigrate', running: false });
      await asked('cont');
      await expectAlive();
    },
    TEST_MS,
  );

  test(
    'goes on here when it is taken back',
    async () => {
      await using guest = await qemuMovingGuest({ qmp: machine.qmp });
      await guest.pause();
      await guest.relinquish();
      await guest.resume();
      await guest[Symbol.asyncDispose]();
      expect(await asked('query-status')).toMatchObject({ status: 'running' });
      await expectAlive();
    },
    TEST_MS,
  );

  test(
    'knows since when it stands still: when QEMU stopped it, not when we asked',
    async () => {
      await using guest = await qemuMovingGuest({ qmp: machine.qmp });
      expect(guest.restingMs()).toBeNaN();
      const askedMs = Date.now();
      await guest.pause();
      const restingMs = guest.restingMs();
      expect(restingMs).toBeGreaterThanOrEqual(0);
      expect(restingMs).toBeLessThanOrEqual(Date.now() - askedMs + CLOCK_STEP_MS);
      await guest.resume();
      await expectAlive();
    },
    TEST_MS,
  );

  test('is not given up while it runs', async () => {
    await using guest = await qemuMovingGuest({ qmp: machine.qmp });
    await expect(guest.relinquish()).rejects.toThrow('not paused');
  });
});

/** How many pages. */
async function copyDirty(
  guest: QemuMovingGuest,
  tracker: Awaited<ReturnType<QemuMovingGuest['track']>>,
  copy: Uint8Array,
): Promise<number> {
  let pages = 0;
  for (const { firstPage, pageCount } of await tracker.collect()) {
    guest.readPages(
      0,
      firstPage,
      copy.subarray(firstPage * PAGE_BYTES, (firstPage + pageCount) * PAGE_BYTES),
    );
    pages += pageCount;
  }
  return pages;
}
