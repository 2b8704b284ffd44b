import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { QemuError } from './error.ts';
import { textAt } from './json.ts';
import type { QmpClient } from './qmp-client.ts';
import { parseRamBlocks } from './ram-block.ts';
import type { MachineManifest, SavedMachine } from './saved-machine.ts';

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
export async function loadMachine(machine: SavedMachine, options: IncomingOptions): Promise<void> {
  const incoming = await IncomingMachine.open(machine.manifest.ram, options);
  await incoming.load(machine);
}

/** Lets a loaded machine go on. */
export async function startMachine(qmp: QmpClient): Promise<void> {
  await qmp.execute('cont');
}

/**
 * A QEMU that waits for devices at the end of a connection: all that loading them takes and can be done before they are known.
 *
 * A machine that moves stands still while its devices are loaded, so this is done while it still runs at its source.
 */
export class IncomingMachine {
  readonly #qmp: QmpClient;
  readonly #socket: Socket;

  private constructor(qmp: QmpClient, socket: Socket) {
    this.#qmp = qmp;
    this.#socket = socket;
  }

  /** @throws QemuError QEMU_LAYOUT_MISMATCH when this QEMU has not the memory `ram`. */
  static async open(
    ram: MachineManifest['ram'],
    { qmp, directory }: IncomingOptions,
  ): Promise<IncomingMachine> {
    await checkLayout(ram, qmp);
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
    return new IncomingMachine(qmp, socket);
  }

  /** Called once. @throws QemuError QEMU_INCOMING_FAILED, and QEMU ends then. */
  async load({ devices }: SavedMachine): Promise<void> {
    this.#socket.end(devices);
    try {
      await awaitLoaded(this.#qmp);
    } finally {
      this.#socket.destroy();
    }
  }
}

async function checkLayout(ram: MachineManifest['ram'], qmp: QmpClient): Promise<void> {
  const blocks = parseRamBlocks(await qmp.human('info ramblock'));
  for (const { id, sizeBytes } of ram) {
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
