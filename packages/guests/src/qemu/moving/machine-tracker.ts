import {
  type DirtyRun,
  DirtyTracker,
  type EngineRegion,
  TrackError,
  type Userfaultfd,
} from '@stillframe/uffd';

export interface MachineTrackerOptions {
  /** Of the process of QEMU, ready for `trackedFeatures`. Taken over. */
  readonly uffd: Userfaultfd;
  /** The caller's; duplicated. */
  readonly pagemapFd: number;
  readonly regions: readonly EngineRegion[];
  /** The machine stands still: what is left is collected in one piece. */
  readonly isPaused: () => boolean;
}

export const trackedFeatures = () => DirtyTracker.foreignFeatures('async');

/** @throws TrackError TRACK_UNSUPPORTED before Linux 6.7, where writes of other processes are not noted by the kernel. */
export function assertTrackable(): void {
  if (DirtyTracker.bestKind() === 'async') return;
  throw new TrackError(
    'TRACK_UNSUPPORTED',
    'writes of a machine cannot be tracked here',
    'It needs asynchronous tracking: Linux 6.7 or later. A picture (--mode snapshot) does not need it.',
  );
}

/** Which pages of its RAM the machine has written, by QEMU's processors, devices and system calls alike. Nobody of it ever waits. */
export async function trackMachine(options: MachineTrackerOptions): Promise<MachineTracker> {
  const { uffd, pagemapFd, regions, isPaused } = options;
  let tracker: DirtyTracker | undefined;
  try {
    tracker = DirtyTracker.openForeign({ uffd, pagemapFd, regions, kind: 'async' });
    await tracker.startSliced();
    return new MachineTracker(tracker, isPaused);
  } catch (error) {
    tracker?.close();
    uffd.close();
    throw error;
  }
}

/** See `trackMachine`; what a migration asks for is in `Tracker` of @stillframe/migration. */
export class MachineTracker {
  readonly #tracker: DirtyTracker;
  readonly #isPaused: () => boolean;

  /** @internal Made by `trackMachine`. */
  constructor(tracker: DirtyTracker, isPaused: () => boolean) {
    this.#tracker = tracker;
    this.#isPaused = isPaused;
  }

  async collect(): Promise<DirtyRun[]> {
    return this.#isPaused() ? this.#tracker.collect() : await this.#tracker.collectSliced();
  }

  count(): number {
    return this.#tracker.count();
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#tracker.close();
  }
}
