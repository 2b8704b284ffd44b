import type { GuestState, Region } from '@stillframe/snapshot';
import { closeFd, munmap, type Userfaultfd } from '@stillframe/uffd';
import { Attachment, type AttachmentOptions } from '../../process/attachment.ts';
import { MemoryFiles } from '../../process/memory-files.ts';
import { ProcDirectory } from '../../process/proc-directory.ts';
import { parseStat } from '../../process/stat.ts';
import { DeviceState } from '../device-state.ts';
import { QemuError } from '../error.ts';
import { processListeningAt } from '../find-process.ts';
import { checkMachine, runStateOf } from '../machine-checks.ts';
import { MigrationSettings } from '../migration-settings.ts';
import { QmpClient, type QmpOptions } from '../qmp-client.ts';
import type { RamBlock } from '../ram-block.ts';
import type { RamLayout } from '../ram-layout.ts';
import { commandLineOf, readLayout } from '../read-layout.ts';
import { encodeMachine, QEMU_STATE_KIND } from '../saved-machine.ts';
import { assertTrackable, type MachineTracker, trackedFeatures, trackMachine } from './machine-tracker.ts';
import { RamAnswerer } from './ram-answerer.ts';
import { RamFiles } from './ram-files.ts';

export interface QemuMovingGuestOptions extends QmpOptions, AttachmentOptions {
  /** The Unix socket of the machine's QMP server. */
  readonly qmp: string;
  /** The process of QEMU; by default the one that listens at `qmp`. */
  readonly pid?: number;
  /** How long QEMU may take to stop and to save its devices. Default 30,000 ms. */
  readonly saveMs?: number;
  /** Runs while the machine stands still and its disks are flushed and at rest. The downtime lasts as long. */
  readonly onCut?: () => Promise<void>;
}

const SAVE_DEFAULT_MS = 30_000;
/** QEMU answers before it ends, which takes as long as closing its disks does. */
const QUIT_MS = 10_000;

/**
 * A virtual machine of QEMU that moves: the source of a migration, as `MovingGuest` of @stillframe/migration asks for it.
 *
 * @throws QemuError for a machine that cannot move; TrackError before Linux 6.7; it was not touched then.
 * @throws ProcessGuestError, TraceError, UffdError when the process of QEMU cannot be attached to; it runs on as before.
 */
export async function qemuMovingGuest(options: QemuMovingGuestOptions): Promise<QemuMovingGuest> {
  assertTrackable();
  const qmp = await QmpClient.connect(options.qmp, options);
  const guest = new QemuMovingGuest(qmp, options);
  try {
    await guest.attach();
    return guest;
  } catch (error) {
    await guest[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * See `qemuMovingGuest`.
 *
 * Who may run it (I-5): from `pause` on QEMU waits for our word about a migration that it believes in. Until `relinquish` it goes on by itself
 * if we end, at any moment, because the connection ends then (I-4). From `relinquish` on, which comes before anybody else may run it, it
 * stands still whatever becomes of us: only `resume`, or a person (`cont`), lets it run here. `release` ends QEMU.
 *
 * Not handled: memory that is plugged in while it moves: the destination refuses the devices, and the machine goes on here.
 */
export class QemuMovingGuest {
  readonly #qmp: QmpClient;
  readonly #options: QemuMovingGuestOptions;
  #proc: ProcDirectory | undefined;
  #attachment: Attachment | undefined;
  #files: MemoryFiles | undefined;
  #ram: RamFiles | undefined;
  #layout: RamLayout = { shared: [], sent: [], withDevices: [] };
  #commandLine: readonly string[] = [];
  #settings: MigrationSettings | undefined;
  #uffd: Userfaultfd | undefined;
  #devices: DeviceState | undefined;
  #wasRunning = false;
  /** By the realtime clock of this host, which QEMU's is; NaN for a machine that stood still before. */
  #stoppedAtMs = Number.NaN;
  /** QEMU does not run it any more by itself. */
  #isGivenUp = false;
  #isClosed = false;

  /** @internal Made by `qemuMovingGuest`. */
  constructor(qmp: QmpClient, options: QemuMovingGuestOptions) {
    this.#qmp = qmp;
    this.#options = options;
    qmp.onEvent(({ name, timeMs }) => {
      if (name === 'STOP') this.#stoppedAtMs = timeMs;
    });
  }

  get pid(): number {
    return this.#proc!.pid;
  }

  get version(): string {
    return this.#qmp.version;
  }

  get regions(): readonly Region[] {
    return this.#layout.shared.map(({ name, sizeBytes, pageSize }, id) => ({
      id,
      name,
      sizeBytes,
      pageSize,
    }));
  }

  /** @internal */
  async attach(): Promise<void> {
    const { qmp, pid = processListeningAt(qmp) } = this.#options;
    const proc = new ProcDirectory(pid);
    this.#proc = proc;
    const { startTimeTicks } = parseStat(proc.text('stat'));
    await checkMachine(this.#qmp);
    this.#layout = await readLayout(this.#qmp, proc);
    this.#commandLine = commandLineOf(proc);
    const attachment = new Attachment(pid, this.#options);
    this.#attachment = attachment;
    if (parseStat(proc.text('stat')).startTimeTicks !== startTimeTicks) {
      throw new QemuError('QEMU_PROCESS_UNKNOWN', `process ${pid} ended, and its number was used again`);
    }
    this.#uffd = attachment.whileStopped(() => {
      this.#files = new MemoryFiles(proc);
      return attachment.makeUserfaultfd(trackedFeatures());
    });
    this.#ram = new RamFiles(proc, this.#layout.shared, this.#files!.memFd);
    this.#settings = await MigrationSettings.apply(this.#qmp);
  }

  async track(): Promise<MachineTracker> {
    this.#assertOpen();
    const attachment = this.#attachment!;
    const uffd = this.#uffd ?? attachment.whileStopped(() => attachment.makeUserfaultfd(trackedFeatures()));
    this.#uffd = undefined;
    return await trackMachine({
      uffd,
      pagemapFd: this.#files!.pagemapFd,
      regions: this.#layout.shared.map(({ address, sizeBytes, pageSize }) => ({
        address,
        sizeBytes,
        pageSize,
      })),
      isPaused: () => this.#devices !== undefined,
    });
  }

  readPages(region: number, firstPage: number, into: Uint8Array): void {
    this.#assertOpen();
    this.#ram!.read(region, firstPage * this.#layout.shared[region]!.pageSize, into);
  }

  /** Takes `connection` over. Undefined where this process cannot have the RAM in its address space: then it is closed. */
  answerFaults(connection: number, greeting: Uint8Array): RamAnswerer | undefined {
    this.#assertOpen();
    const memory = this.#ram!.map(this.#layout.shared.map(({ sizeBytes }) => sizeBytes));
    try {
      if (memory !== undefined) return new RamAnswerer({ fd: connection, greeting, memory });
    } catch {
      // As where it cannot be had: pages are asked for in frames then.
      memory?.forEach((range) => munmap(range));
    }
    closeFd(connection);
    return undefined;
  }

  async pause(): Promise<void> {
    this.#assertOpen();
    if (this.#devices !== undefined) return;
    this.#stoppedAtMs = Number.NaN;
    this.#wasRunning = (await runStateOf(this.#qmp)) === 'running';
    this.#devices = await DeviceState.take(this.#qmp, { saveMs: this.#options.saveMs ?? SAVE_DEFAULT_MS });
    await this.#options.onCut?.();
  }

  /** Since it stopped: what QEMU does before that takes as long again. NaN for a machine that stood still before. */
  restingMs(): number {
    return Date.now() - this.#stoppedAtMs;
  }

  async saveState(): Promise<GuestState> {
    if (this.#devices === undefined) throw new TypeError('the machine is not paused');
    const manifest = {
      qemuVersion: this.#qmp.version,
      commandLine: this.#commandLine,
      wasRunning: this.#wasRunning,
      ram: this.#layout.shared.map(sized),
      withDevices: this.#layout.withDevices.map(sized),
    };
    return { kind: QEMU_STATE_KIND, bytes: encodeMachine({ manifest, devices: this.#devices.bytes }) };
  }

  /** Called while it is paused, before somebody else may run it. Idempotent. @throws QemuError; then nobody else may run it. */
  async relinquish(): Promise<void> {
    if (this.#isGivenUp) return;
    if (this.#devices === undefined) throw new TypeError('the machine is not paused');
    // Also when it fails: whether QEMU heard it is not known then, and `cont` does no harm to a machine that runs.
    this.#isGivenUp = true;
    await this.#devices.relinquish();
  }

  /** Also after `relinquish`, when it is sure that nobody else runs it. */
  async resume(): Promise<void> {
    const devices = this.#devices;
    this.#devices = undefined;
    if (!this.#isGivenUp) return await devices?.release();
    this.#isGivenUp = false;
    if (this.#wasRunning) await this.#qmp.execute('cont');
  }

  /** It runs elsewhere: QEMU ends here. Idempotent. */
  async release(): Promise<void> {
    if (this.#isClosed) return;
    await this.relinquish();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, QUIT_MS);
    });
    try {
      await this.#qmp.execute('quit').catch(() => undefined);
      await Promise.race([this.#qmp.ended, late]);
    } finally {
      clearTimeout(timer);
    }
    await this[Symbol.asyncDispose]();
  }

  /** A machine that was not given up goes on; one that was, and not taken back, stands still. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isGivenUp) await this.resume().catch(() => undefined);
    this.#uffd?.close();
    this.#attachment?.close();
    this.#ram?.close();
    this.#files?.close();
    await this.#settings?.restore().catch(() => undefined);
    this.#qmp.close();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new QemuError('QEMU_CLOSED', 'the guest is closed');
  }
}

function sized({ name, sizeBytes }: RamBlock): { id: string; sizeBytes: number } {
  return { id: name, sizeBytes };
}
