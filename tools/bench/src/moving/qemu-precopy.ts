import { mkdtempSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { QemuError, QmpClient } from '@stillframe/guests/qemu';
import { TestMachine } from '../../../vm-guest/src/test-machine.ts';
import { ChildError } from '../child-process.ts';
import { migrationEnd } from '../vm/migration-end.ts';
import { type MachineMove, type MachineMoveOptions, warmUp, wordsOf } from './machine.ts';

/** As good as no limit; the default, 128 MiB/s, would hold QEMU back on the loopback. */
const BANDWIDTH_BYTES_PER_SECOND = 1e11;
const EVENTS = { capabilities: [{ capability: 'events', state: true }] };
/** As long as a move of ours may take. */
const MOVE_MAX_MS = 120_000;
const LOOK_MS = 5;

/**
 * Moves a machine by QEMU's own pre-copy.
 *
 * All settings are QEMU's defaults, `downtime-limit` too (300 ms), except the bandwidth. The downtime is the one that the source's QEMU
 * reports: until it has sent everything, without what the destination takes to start.
 *
 * Not handled: whether the machine arrived whole. It is not started at the destination: QEMU 7.2 under TCG loses writes of a machine that
 * writes while it moves, and its kernel crashes there.
 */
export async function moveByQemu(options: MachineMoveOptions): Promise<MachineMove> {
  const { route } = options;
  // What QEMU does best with, as in `vm`: memory of its own.
  const words = { ...wordsOf(options), isPrivate: true };
  await using leaving = await TestMachine.boot({ ...words, within: route.atSource });
  const folder = mkdtempSync('/dev/shm/stillframe-vm-');
  await using arriving = TestMachine.waiting(folder, { ...words, within: route.atDestination });
  const uri = await listenAt(arriving, route.host);
  const writesPerSecond = await warmUp(leaving);
  return { downtimeMs: await move(leaving.qmp, uri), writesPerSecond };
}

async function move(socket: string, uri: string): Promise<number> {
  const qmp = await QmpClient.connect(socket);
  try {
    await qmp.execute('migrate-set-capabilities', EVENTS);
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': BANDWIDTH_BYTES_PER_SECOND });
    const ended = migrationEnd(qmp);
    await qmp.execute('migrate', { uri });
    const late = setTimeout(() => qmp.close(), MOVE_MAX_MS);
    const status = await ended.finally(() => clearTimeout(late));
    if (status !== 'completed') throw new ChildError(`QEMU’s migration: ${status}`);
    await reckoned(qmp);
    const { downtime } = await migrationOf(qmp);
    if (downtime === undefined) throw new ChildError('QEMU reports no downtime');
    return downtime;
  } finally {
    qmp.close();
  }
}

/** QEMU tells of the end before it has worked out the downtime, which is 0 until then. */
async function reckoned(qmp: QmpClient): Promise<void> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- until it is so
    const status: unknown = await qmp.execute('query-status');
    if (JSON.stringify(status).includes('postmigrate')) return;
    // oxlint-disable-next-line no-await-in-loop -- as above
    await sleep(LOOK_MS);
  }
}

/** @returns Where the machine is to be sent. */
async function listenAt(machine: TestMachine, host: string): Promise<string> {
  const qmp = await connected(machine);
  try {
    await qmp.execute('migrate-incoming', { uri: `tcp:${host}:0` });
    const port = (await migrationOf(qmp))['socket-address']?.[0]?.port;
    if (port === undefined) throw new ChildError('QEMU does not say where it listens');
    return `tcp:${host}:${port}`;
  } finally {
    qmp.close();
  }
}

/** QEMU makes its socket some time after it was started. */
async function connected(machine: TestMachine): Promise<QmpClient> {
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it is there
      return await QmpClient.connect(machine.qmp);
    } catch (error) {
      const isEarly = error instanceof QemuError && error.code === 'QEMU_UNREACHABLE';
      if (!isEarly || machine.process.exitCode !== null) throw error;
      // oxlint-disable-next-line no-await-in-loop -- as above
      await sleep(LOOK_MS);
    }
  }
}

interface MigrationInfo {
  readonly downtime?: number;
  readonly 'socket-address'?: readonly { readonly port: string }[];
}

async function migrationOf(qmp: QmpClient): Promise<MigrationInfo> {
  const info: unknown = await qmp.execute('query-migrate');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- QEMU's qapi/migration.json says so
  return info as MigrationInfo;
}
