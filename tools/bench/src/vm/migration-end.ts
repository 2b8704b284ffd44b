import type { QmpClient, QmpEvent } from '@stillframe/guests/qemu';

/** How the migration that is begun next ends: `completed`, `failed` or `cancelled`. Needs QEMU's capability `events`. */
export async function migrationEnd(qmp: QmpClient): Promise<string> {
  return await new Promise((resolve) => {
    qmp.onEvent((event) => {
      const status = endOf(event);
      if (status !== undefined) resolve(status);
    });
    void qmp.ended.then(() => resolve('QEMU ended'));
  });
}

function endOf({ name, data }: QmpEvent): string | undefined {
  const status = name === 'MIGRATION' ? data['status'] : undefined;
  return status === 'completed' || status === 'failed' || status === 'cancelled' ? status : undefined;
}
