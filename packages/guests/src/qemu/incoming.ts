import { once } from 'node:events';
import { connect } from 'node:net';
import path from 'node:path';
import { QemuError } from './error.ts';
import { textAt } from './json.ts';
import { QmpClient } from './qmp-client.ts';
import { parseRamBlocks } from './ram-block.ts';
import type { SavedMachine } from './saved-machine.ts';

export interface IncomingOptions {
  /** Of a QEMU that was started with `-incoming defer -S` over the memory of the image. */
  readonly qmp: QmpClient;
  /** A directory for a socket, which only we and QEMU may enter. */
  readonly directory: string;
}

/**
 * Gives a QEMU that waits the devices of an image. Its memory is there already. The machine then stands still, as at the cut.
 *
 * @throws QemuError QEMU_LAYOUT_MISMATCH, before anything is loaded; QEMU_INCOMING_FAILED, and QEMU ends then.
 */
export async function loadMachine(machine: SavedMachine, { qmp, directory }: IncomingOptions): Promise<void> {
  await checkLayout(machine, qmp);
  await qmp.execute('migrate-set-capabilities', {
    capabilities: [{ capability: 'x-ignore-shared', state: true }],
  });
  const at = path.join(directory, 'incoming');
  await qmp.execute('migrate-incoming', { uri: `unix:${at}` });
  const socket = connect(at);
  // What QEMU answers on the way is for a migration that goes on; that it ends is what counts.
  socket.resume();
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.end(machine.devices);
  try {
    await awaitLoaded(qmp);
  } finally {
    socket.destroy();
  }
}

/** Lets a loaded machine go on. */
export async function startMachine(qmp: QmpClient): Promise<void> {
  await qmp.execute('cont');
}

async function checkLayout({ manifest }: SavedMachine, qmp: QmpClient): Promise<void> {
  const blocks = parseRamBlocks(await qmp.human('info ramblock'));
  for (const { id, sizeBytes } of manifest.ram) {
    const block = blocks.find(({ name }) => name === id);
    if (block?.sizeBytes === sizeBytes) continue;
    const has = block === undefined ? 'none' : `${block.sizeBytes} bytes`;
    throw new QemuError(
      'QEMU_LAYOUT_MISMATCH',
      `the image has memory ${id} of ${sizeBytes} bytes, this QEMU has ${has}`,
      {
        operands: { id, sizeBytes },
      },
    );
  }
}

async function awaitLoaded(qmp: QmpClient): Promise<void> {
  for (;;) {
    let state: string;
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it is so; each answer is a turn of QEMU's main loop
      state = textAt(await qmp.execute('query-migrate'), 'status');
    } catch (cause) {
      throw new QemuError('QEMU_INCOMING_FAILED', 'QEMU ended while it loaded the devices', { cause });
    }
    if (state === 'completed') return;
    if (state === 'failed') throw new QemuError('QEMU_INCOMING_FAILED', 'QEMU could not load the devices');
  }
}
