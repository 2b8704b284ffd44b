import { qemuMovingGuest } from '@stillframe/guests/qemu';
import type { MigrationSummary } from '@stillframe/migration';
import { isInDoubt, runMigration, type RunMigrationOptions } from '../migration/run-migration.ts';
import { runOnCut } from './on-cut.ts';
import type { QemuChoice } from './qemu-options.ts';

export interface MigrateMachineOptions extends RunMigrationOptions {
  readonly machine: QemuChoice;
}

/**
 * Moves a virtual machine. Whatever happens before the hand-over, it goes on here, and that is told before the failure is; when it is not
 * known whether the destination runs it, it stands still here, complete, until a person decides (`cont`, or `quit`).
 */
export async function migrateMachine(options: MigrateMachineOptions): Promise<MigrationSummary> {
  const { report, signal, machine } = options;
  const { qmp, onCut } = machine;
  report.talk(`attaching to the machine at ${qmp}`);
  signal.throwIfAborted();
  await using guest = await qemuMovingGuest({
    qmp,
    ...(onCut === undefined ? {} : { onCut: () => runOnCut(onCut, signal) }),
  });
  report.event({ type: 'machine', state: 'attached', pid: guest.pid, qemu: guest.version });
  try {
    return await runMigration(guest, options);
  } catch (error) {
    const state = isInDoubt(error) ? 'paused' : 'here';
    report.event({ type: 'guest', state, name: 'qemu' });
    report.talk(state === 'here' ? 'the machine goes on here' : `the machine stands still at ${qmp}`);
    throw error;
  }
}
