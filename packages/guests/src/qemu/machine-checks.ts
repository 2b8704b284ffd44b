import { QemuError } from './error.ts';
import { objectsIn, textAt } from './json.ts';
import type { QmpClient } from './qmp-client.ts';

/** Devices that write guest memory from outside QEMU's address space, by the beginning of their QOM type. */
const DMA_DEVICES = ['vfio-', 'vhost-user-', 'vhost-vdpa', 'ivshmem', 'x-pci-proxy', 'vhost-scsi'];
/** Where QEMU keeps the devices that somebody asked for: with an id, and without one. */
const PERIPHERALS = ['/machine/peripheral', '/machine/peripheral-anon'];
const BUSY: ReadonlySet<string> = new Set([
  'setup',
  'active',
  'device',
  'pre-switchover',
  'postcopy-active',
  'postcopy-paused',
  'cancelling',
  'wait-unplug',
]);

/** @throws QemuError for a machine that cannot be pictured as it is now. */
export async function checkMachine(qmp: QmpClient): Promise<void> {
  await runStateOf(qmp);
  // Before what QEMU cannot save: that is mostly such a device, and QEMU does not name it.
  await checkDevices(qmp);
  const migration = await qmp.execute('query-migrate');
  const state = textAt(migration, 'status');
  if (BUSY.has(state)) {
    throw new QemuError('QEMU_MIGRATION_BUSY', `a migration is under way (${state})`);
  }
  const reasons =
    typeof migration === 'object' && migration !== null && 'blocked-reasons' in migration
      ? migration['blocked-reasons']
      : undefined;
  if (Array.isArray(reasons) && reasons.length > 0) {
    throw new QemuError('QEMU_MIGRATION_BLOCKED', `QEMU cannot save a device: ${reasons.join('; ')}`);
  }
}

/** @throws QemuError QEMU_RUN_STATE for anything but running or paused. */
export async function runStateOf(qmp: QmpClient): Promise<'running' | 'paused'> {
  const status = textAt(await qmp.execute('query-status'), 'status');
  if (status === 'running') return status;
  if (status === 'paused' || status === 'prelaunch') return 'paused';
  throw new QemuError('QEMU_RUN_STATE', `the machine is ${status}`, { operands: { status } });
}

async function checkDevices(qmp: QmpClient): Promise<void> {
  const lists = await Promise.all(
    PERIPHERALS.map(async (path) =>
      objectsIn(await qmp.execute('qom-list', { path })).map((entry) => ({
        path: `${path}/${textAt(entry, 'name')}`,
        type: /^child<(.*)>$/.exec(textAt(entry, 'type'))?.[1] ?? '',
      })),
    ),
  );
  for (const { path, type } of lists.flat()) {
    if (DMA_DEVICES.some((prefix) => type.startsWith(prefix))) {
      throw new QemuError('QEMU_DEVICE_DMA', `the machine has a device of type ${type}`, {
        operands: { path, type },
      });
    }
    if (!type.startsWith('virtio-balloon')) continue;
    // oxlint-disable-next-line no-await-in-loop -- at most one
    if ((await qmp.execute('qom-get', { path, property: 'free-page-reporting' })) === true) {
      throw new QemuError('QEMU_BALLOON', `the balloon ${path} reports free pages`, { operands: { path } });
    }
  }
  const networks = await qmp.human('info network');
  if (/type=vhost-(user|vdpa)/.test(networks)) {
    throw new QemuError('QEMU_DEVICE_DMA', 'the machine has a vhost-user or vhost-vdpa network');
  }
}
