import { setTimeout as sleep } from 'node:timers/promises';
import { QmpClient } from '@stillframe/guests/qemu';
import { TestMachine, type TestMachineOptions } from '../../../vm-guest/src/test-machine.ts';
import { MIB } from '../benchmark.ts';
import type { FeltPicture, MachinePicture } from './figures.ts';

const PAGE_BYTES = 4096;
/** Of a machine that boots: Linux, and what a small one needs to itself. */
const MEMORY_MIN_BYTES = 256 * MIB;
const WRITES_PER_SECOND = 20_000;
/** How long the machine writes before a picture is taken of it. */
const WARM_UP_MS = 500;

/**
 * A machine of which half of the memory is written at random, and the rest never.
 *
 * It stands still (`stop`) except while it is pictured, so that several of them do not take the cores from each other.
 */
export async function bootMachine(
  writtenBytes: number,
  options: Pick<TestMachineOptions, 'isPrivate'>,
): Promise<TestMachine> {
  const machine = await TestMachine.boot({
    pages: writtenBytes / PAGE_BYTES,
    rate: WRITES_PER_SECOND,
    memoryMiB: Math.max(2 * writtenBytes, MEMORY_MIN_BYTES) / MIB,
    ...options,
  });
  await tell(machine, 'stop');
  return machine;
}

/** Takes a picture of the machine while it writes. */
export async function feltBy(
  machine: TestMachine,
  take: () => Promise<MachinePicture>,
): Promise<FeltPicture> {
  await tell(machine, 'cont');
  try {
    await sleep(WARM_UP_MS);
    // Forgets what was before.
    await machine.stalls();
    const picture = await take();
    return { ...picture, stalls: await machine.stalls() };
  } finally {
    await tell(machine, 'stop');
  }
}

/** QEMU talks to one client at a time. */
async function tell(machine: TestMachine, command: 'stop' | 'cont'): Promise<void> {
  const qmp = await QmpClient.connect(machine.qmp);
  try {
    await qmp.execute(command);
  } finally {
    qmp.close();
  }
}
