import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isCompleteStream } from './device-stream.ts';
import { QemuError } from './error.ts';
import { textAt } from './json.ts';
import type { QmpClient } from './qmp-client.ts';

/** Devices are below 1 MiB, video memory is 16 to 256 MiB. More means that QEMU sends guest RAM (I-6). */
export const DEVICES_MAX_BYTES = 320 * 2 ** 20;
/** MIG_RP_MSG_SHUT (u16), its length (u16), and 1: what a destination says when it cannot go on. Big-endian. */
const GIVEN_UP = Buffer.from([0, 1, 0, 4, 0, 0, 0, 1]);
/** The same with 0: it has the machine, which QEMU does not run any more then. */
const TAKEN_OVER = Buffer.from([0, 1, 0, 4, 0, 0, 0, 0]);

export interface DeviceStateOptions {
  /** How long QEMU may take to stop and to save its devices. */
  readonly saveMs: number;
}

/**
 * The state of the devices, taken as a migration that is refused once everything has come.
 *
 * Ordering: QEMU stops the machine, sends its devices, and waits for the destination's word, which comes when the memory is armed. The word
 * is no, so QEMU keeps the machine and brings back the run state it had. It does the same when the connection ends: were we killed at any
 * moment, the machine would go on by itself (I-4).
 *
 * Not handled: we are stopped (SIGSTOP) meanwhile. QEMU waits for as long.
 */
export class DeviceState {
  readonly #qmp: QmpClient;
  readonly #directory: string;
  readonly #server: Server;
  readonly #chunks: Buffer[] = [];
  #sizeBytes = 0;
  #socket: Socket | undefined;
  #bytes: Uint8Array | undefined;

  private constructor(qmp: QmpClient, directory: string, server: Server) {
    this.#qmp = qmp;
    this.#directory = directory;
    this.#server = server;
  }

  /** Resolves when the machine stands still and everything has come. @throws QemuError; the machine is as it was. */
  static async take(qmp: QmpClient, { saveMs }: DeviceStateOptions): Promise<DeviceState> {
    const directory = mkdtempSync(path.join(tmpdir(), 'stillframe-qemu-'));
    const server = createServer({ allowHalfOpen: true });
    const state = new DeviceState(qmp, directory, server);
    try {
      server.listen(path.join(directory, 'state'));
      await once(server, 'listening');
      await state.#receive(saveMs);
      return state;
    } catch (error) {
      await state.release();
      throw error;
    }
  }

  get bytes(): Uint8Array {
    return (this.#bytes ??= Buffer.concat(this.#chunks));
  }

  /** Gives the machine back: resolves when it has the run state that it had before. Idempotent. */
  async release(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
    socket?.end(GIVEN_UP);
    try {
      await this.#awaitEnd();
    } finally {
      socket?.destroy();
    }
  }

  /**
   * Gives the machine away: from now on QEMU runs it only when it is told to (`cont`), whatever becomes of us.
   *
   * @throws QemuError QEMU_MIGRATION_BLOCKED when QEMU has kept it, which then goes on.
   */
  async relinquish(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.end(TAKEN_OVER);
    try {
      await this.#awaitEnd();
      const migration = textAt(await this.#qmp.execute('query-migrate'), 'status');
      if (migration === 'completed') return;
      throw new QemuError('QEMU_MIGRATION_BLOCKED', `QEMU did not give the machine up (${migration})`);
    } finally {
      socket?.destroy();
      await this.release();
    }
  }

  async #receive(saveMs: number): Promise<void> {
    // Before the command: QEMU may connect before its answer has come.
    const connected = once(this.#server, 'connection');
    await this.#qmp.execute('migrate', { uri: `unix:${path.join(this.#directory, 'state')}` });
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(
          () =>
            reject(
              new QemuError('QEMU_TIMEOUT', `the devices were not saved in ${saveMs} ms`, {
                operands: { saveMs },
              }),
            ),
          saveMs,
        );
        void this.#qmp.ended.then(() => reject(new QemuError('QEMU_CLOSED', 'QEMU has ended')));
        connected.then(([socket]: Socket[]) => this.#listen(socket!, resolve, reject), reject);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #listen(socket: Socket, resolve: () => void, reject: (error: QemuError) => void): void {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.once('end', () =>
      reject(new QemuError('QEMU_MIGRATION_BLOCKED', 'QEMU broke off while it saved its devices')),
    );
    socket.on('data', (bytes: Buffer) => {
      this.#chunks.push(bytes);
      this.#sizeBytes += bytes.byteLength;
      if (this.#sizeBytes > DEVICES_MAX_BYTES) {
        return reject(
          new QemuError('QEMU_STATE_TOO_LARGE', `the devices have more than ${DEVICES_MAX_BYTES} bytes`),
        );
      }
      // A complete stream ends with the end of a JSON object.
      if (bytes.at(-1) === CLOSING_BRACE && isCompleteStream(this.#tail())) resolve();
    });
  }

  /** The last chunks in one, for as far as a description may reach. */
  #tail(): Buffer {
    if (this.#chunks.length > 1) this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks[0]!;
  }

  /** Each answer is a turn of QEMU's main loop, so asking again is no busy waiting on our side. */
  async #awaitEnd(): Promise<void> {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- until it is so
      const status = textAt(await this.#qmp.execute('query-status'), 'status');
      // oxlint-disable-next-line no-await-in-loop -- until it is so
      const migration = textAt(await this.#qmp.execute('query-migrate'), 'status');
      if (status !== 'finish-migrate' && !UNDER_WAY.has(migration)) return;
    }
  }
}

const CLOSING_BRACE = 0x7d;
const UNDER_WAY: ReadonlySet<string> = new Set(['setup', 'active', 'device', 'cancelling', 'pre-switchover']);
