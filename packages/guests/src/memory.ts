import type { Capture, CaptureOptions, Guest, GuestState, Region } from '@stillframe/snapshot';
import { CaptureEngine, type CaptureRegion, resolveRegions } from '@stillframe/uffd';
import { engineCapture } from './engine-capture.ts';

/** Memory of this process that belongs to the guest, under a name that the image keeps. */
export interface MemoryGuestRegion extends CaptureRegion {
  readonly name: string;
}

export interface MemoryGuestOptions {
  readonly regions: readonly MemoryGuestRegion[];
  /** Brings every writer to rest between two writes. Without it the cut is exact for each page, but not one instant for all of them. */
  readonly pause?: () => void | Promise<void>;
  /** Lets the writers go on. Called after every `pause`, also when something failed. */
  readonly resume?: () => void | Promise<void>;
  /** What is not memory, at the cut; called while paused, so every microsecond of it is a stall. Default an empty state. */
  readonly saveState?: () => GuestState | Promise<GuestState>;
  /** See `CaptureEngineOptions` of @stillframe/uffd. */
  readonly spillDirectory?: string;
  /** See `CaptureEngineOptions` of @stillframe/uffd. */
  readonly userModeOnly?: boolean;
}

/** The kind of state that a guest without `saveState` has. */
const NO_STATE: GuestState = { kind: 'memory@1', bytes: new Uint8Array(0) };

/**
 * A guest that is memory of this process: what it maps itself, an ArrayBuffer, a SharedArrayBuffer, a WebAssembly.Memory, or an address.
 *
 * Writers may be any threads, this one too. The regions are those of the moment of this call: memory that grows later (WebAssembly) has its
 * new pages outside the picture.
 *
 * @throws RangeError for memory that has no whole pages.
 */
export function memoryGuest(options: MemoryGuestOptions): Guest {
  const { regions: given, pause, resume, saveState, spillDirectory, userModeOnly } = options;
  const resolved = resolveRegions(given);
  const regions: readonly Region[] = given.map(({ name }, id) => {
    const { sizeBytes, pageSize } = resolved[id]!;
    return { id, name, sizeBytes, pageSize };
  });
  const engine = {
    ...(spillDirectory === undefined ? {} : { spillDirectory }),
    ...(userModeOnly === undefined ? {} : { userModeOnly }),
  };
  const open = new Set<Capture>();
  /** A capture that is over, after which changes go on being noted. */
  let watched: { readonly engine: CaptureEngine; readonly mark: object } | undefined;
  return {
    regions,
    pause: async () => pause?.(),
    resume: async () => resume?.(),
    saveState: async () => (await saveState?.()) ?? NO_STATE,
    open: async ({ changedSince, ...capturing }: CaptureOptions) => {
      const before = watched;
      watched = undefined;
      const isKnown = before !== undefined && before.mark === changedSince;
      if (!isKnown) before?.engine.endWatch();
      const settings = { ...capturing, ...engine };
      const opened = isKnown
        ? CaptureEngine.openSince(before.engine, given, settings)
        : CaptureEngine.open(given, settings);
      const capture = engineCapture(opened, (closed, mark) => {
        open.delete(closed);
        if (mark !== undefined) watched = { engine: opened, mark };
      });
      open.add(capture);
      await opened.armAhead();
      return capture;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...open].map((capture) => capture.close()));
      watched?.engine.endWatch();
      watched = undefined;
    },
  };
}
