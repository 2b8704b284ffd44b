import type { Capture, CaptureOptions, Guest, GuestState, Region } from '@stillframe/snapshot';
import { CaptureEngine, type ForeignRegion, type Userfaultfd } from '@stillframe/uffd';
import { engineCapture } from '../engine-capture.ts';
import { Attachment, type AttachmentOptions } from '../process/attachment.ts';
import { MemoryFiles } from '../process/memory-files.ts';
import { ProcDirectory } from '../process/proc-directory.ts';
import { parseStat } from '../process/stat.ts';
import { DeviceState } from './device-state.ts';
import { QemuError } from './error.ts';
import { FrozenMachine } from './frozen-machine.ts';
import { processListeningAt } from './find-process.ts';
import { checkMachine, runStateOf } from './machine-checks.ts';
import { MigrationSettings } from './migration-settings.ts';
import { QmpClient, type QmpOptions } from './qmp-client.ts';
import { RamFiles } from './moving/ram-files.ts';
import type { RamBlock } from './ram-block.ts';
import type { RamLayout, SharedRam } from './ram-layout.ts';
import { commandLineOf, readLayout } from './read-layout.ts';
import {
  encodeMachine,
  type MachineManifest,
  QEMU_RAM_STATE_KIND,
  QEMU_STATE_KIND,
} from './saved-machine.ts';

export interface QemuGuestOptions extends QmpOptions, AttachmentOptions {
  /** The Unix socket of the machine's QMP server. */
  readonly qmp: string;
  /** The process of QEMU; by default the one that listens at `qmp`. */
  readonly pid?: number;
  /** How long QEMU may take to stop and to save its devices. Default 30,000 ms. */
  readonly saveMs?: number;
  /** Runs while the machine stands still and its disks are flushed and at rest, e.g. to picture them, too. The pause lasts as long. Not for RAM alone. */
  readonly onCut?: () => Promise<void>;
  /** See `CaptureEngineOptions` of @stillframe/uffd. */
  readonly spillDirectory?: string;
}

const SAVE_DEFAULT_MS = 30_000;

/**
 * A guest that is a virtual machine of QEMU. With RAM that is shared memory (`memory-backend-file,share=on`) the whole of it; otherwise its RAM
 * alone, because QEMU would save the devices only with a copy of it: see `QemuGuest.hasDevices`.
 *
 * @throws QemuError for a machine that cannot be pictured; it was not touched then.
 * @throws ProcessGuestError, TraceError, UffdError when the process of QEMU cannot be attached to; it runs on as before.
 */
export async function qemuGuest(options: QemuGuestOptions): Promise<QemuGuest> {
  const qmp = await QmpClient.connect(options.qmp, options);
  const guest = new QemuGuest(qmp, options);
  try {
    await guest.attach();
    return guest;
  } catch (error) {
    await guest[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * See `qemuGuest`.
 *
 * The machine stands still from `pause` to `resume`, for as long as QEMU needs to save its devices and we to arm. Who stops it is QEMU, for
 * a migration that we refuse in the end; see device-state.ts for why it goes on whatever becomes of us (I-4).
 *
 * RAM alone is pictured while the process of QEMU stands still, which QEMU does not notice; see frozen-machine.ts.
 *
 * A machine that was paused stays at rest, but QEMU then calls it `postmigrate` and saves it again only after it has run (`cont`).
 *
 * Not handled: memory that is plugged in after the machine was attached to. Its block is noticed at the next `open`, which refuses it.
 */
export class QemuGuest implements Guest {
  readonly #qmp: QmpClient;
  readonly #options: QemuGuestOptions;
  #proc: ProcDirectory | undefined;
  #attachment: Attachment | undefined;
  #files: MemoryFiles | undefined;
  #layout: RamLayout = { shared: [], sent: [], withDevices: [] };
  #commandLine: readonly string[] = [];
  #settings: MigrationSettings | undefined;
  #uffd: Userfaultfd | undefined;
  #capture: Capture | undefined;
  #devices: DeviceState | undefined;
  /** Instead of `#devices`, for RAM alone. */
  #frozen: FrozenMachine | undefined;
  #wasRunning = false;
  #stoppedAtMs = Number.NaN;
  #pausedMs = 0;
  #isClosed = false;

  /** @internal Made by `qemuGuest`. */
  constructor(qmp: QmpClient, options: QemuGuestOptions) {
    this.#qmp = qmp;
    this.#options = options;
    qmp.onEvent(({ name, timeMs }) => {
      if (name === 'STOP') this.#stoppedAtMs = timeMs;
      if (name === 'RESUME') this.#pausedMs = timeMs - this.#stoppedAtMs;
    });
  }

  get pid(): number {
    return this.#proc!.pid;
  }

  get version(): string {
    return this.#qmp.version;
  }

  /** How long the machine stood still for the last cut, by QEMU's clock: without what came before it stopped. 0 before, and if it was paused. */
  get pausedMs(): number {
    return this.#pausedMs;
  }

  get layout(): RamLayout {
    return this.#layout;
  }

  /** False for a machine with RAM that QEMU does not leave out of what it saves: its picture has all of its RAM, and nothing else. */
  get hasDevices(): boolean {
    return this.#layout.sent.length === 0;
  }

  get regions(): readonly Region[] {
    return this.#ram.map(({ name, sizeBytes, pageSize }, id) => ({
      id,
      name,
      sizeBytes,
      pageSize,
    }));
  }

  /** @internal */
  async attach(): Promise<void> {
    const { qmp, pid = processListeningAt(qmp) } = this.#options;
    this.#proc = new ProcDirectory(pid);
    const { startTimeTicks } = parseStat(this.#proc.text('stat'));
    await checkMachine(this.#qmp);
    await this.#look();
    this.#commandLine = commandLineOf(this.#proc);
    this.#attachment = new Attachment(pid, this.#options);
    if (parseStat(this.#proc.text('stat')).startTimeTicks !== startTimeTicks) {
      throw new QemuError('QEMU_PROCESS_UNKNOWN', `process ${pid} ended, and its number was used again`);
    }
    this.#uffd = this.#attachment.whileStopped(() => {
      this.#files = new MemoryFiles(this.#proc!);
      return this.#attachment!.makeUserfaultfd();
    });
  }

  async open(options: CaptureOptions): Promise<Capture> {
    this.#assertOpen();
    if (this.#capture !== undefined) throw new TypeError('a machine is captured once at a time');
    await checkMachine(this.#qmp);
    await this.#look();
    const attachment = this.#attachment!;
    this.#uffd ??= attachment.whileStopped(() => attachment.makeUserfaultfd());
    if (this.hasDevices) this.#settings ??= await MigrationSettings.apply(this.#qmp);
    const { spillDirectory } = this.#options;
    const ram = new RamFiles(this.#proc!, this.#ram, this.#files!.memFd);
    let engine: CaptureEngine;
    try {
      attachment.guard(this.#uffd);
      engine = CaptureEngine.openForeign(
        { uffd: this.#uffd, memoryFd: this.#files!.memFd, regions: this.#engineRegions(ram) },
        { ...options, ...(spillDirectory === undefined ? {} : { spillDirectory }) },
      );
    } catch (error) {
      attachment.unguard();
      throw error;
    } finally {
      ram.close();
    }
    this.#uffd = undefined;
    const capture = engineCapture(engine, () => {
      attachment.unguard();
      this.#capture = undefined;
    });
    this.#capture = capture;
    try {
      await engine.armAhead();
    } catch (error) {
      await capture.close().catch(() => undefined);
      throw error;
    }
    return capture;
  }

  async pause(): Promise<void> {
    this.#assertOpen();
    if (this.#devices !== undefined || this.#frozen !== undefined) return;
    this.#pausedMs = 0;
    this.#wasRunning = (await runStateOf(this.#qmp)) === 'running';
    if (!this.hasDevices) {
      this.#frozen = FrozenMachine.take(this.#attachment!);
      return;
    }
    this.#devices = await DeviceState.take(this.#qmp, { saveMs: this.#options.saveMs ?? SAVE_DEFAULT_MS });
    await this.#options.onCut?.();
  }

  async resume(): Promise<void> {
    const devices = this.#devices;
    const frozen = this.#frozen;
    this.#devices = undefined;
    this.#frozen = undefined;
    await devices?.release();
    const frozenMs = await frozen?.release();
    if (frozenMs !== undefined && this.#wasRunning) this.#pausedMs = frozenMs;
  }

  async saveState(): Promise<GuestState> {
    if (this.#frozen !== undefined) {
      return { kind: QEMU_RAM_STATE_KIND, bytes: encodeMachine({ manifest: this.#manifest() }) };
    }
    if (this.#devices === undefined) throw new TypeError('the machine is not paused');
    const bytes = encodeMachine({ manifest: this.#manifest(), devices: this.#devices.bytes });
    return { kind: QEMU_STATE_KIND, bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.resume().catch(() => undefined);
    await this.#capture?.close().catch(() => undefined);
    this.#uffd?.close();
    this.#attachment?.close();
    this.#files?.close();
    await this.#settings?.restore().catch(() => undefined);
    this.#qmp.close();
  }

  /** In the order of the regions. */
  get #ram(): readonly SharedRam[] {
    return [...this.#layout.shared, ...this.#layout.sent];
  }

  async #look(): Promise<void> {
    this.#layout = await readLayout(this.#qmp, this.#proc!, 'any');
    if (this.hasDevices || this.#options.onCut === undefined) return;
    const [ram] = this.#layout.sent;
    throw new QemuError(
      'QEMU_RAM_PRIVATE',
      `the devices cannot be saved without ${ram!.name}: nothing can be run at the cut, because the disks are not at rest`,
    );
  }

  #manifest(): MachineManifest {
    return {
      qemuVersion: this.#qmp.version,
      commandLine: this.#commandLine,
      wasRunning: this.#wasRunning,
      ram: this.#ram.map(sized),
      withDevices: this.#layout.withDevices.map(sized),
    };
  }

  #engineRegions(ram: RamFiles): ForeignRegion[] {
    return this.#ram.map(({ address, sizeBytes, pageSize }, region) => {
      const fileFd = ram.fileOf(region);
      return { address, sizeBytes, pageSize, ...(fileFd === undefined ? {} : { fileFd }) };
    });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new QemuError('QEMU_CLOSED', 'the guest is closed');
  }
}

function sized({ name, sizeBytes }: RamBlock): { id: string; sizeBytes: number } {
  return { id: name, sizeBytes };
}
