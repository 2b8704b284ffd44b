import type { TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { QmpClient } from '../../src/qemu/index.ts';

/** QEMU makes its socket some time after it was started. */
export async function connected(vm: TestMachine): Promise<QmpClient> {
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it is there
      return await QmpClient.connect(vm.qmp);
    } catch (error) {
      if (vm.process.exitCode !== null) throw error;
    }
  }
}
