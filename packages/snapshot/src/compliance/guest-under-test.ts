import type { Clock } from '../clock.ts';
import type { CaptureOptions, Guest } from '../guest.ts';

/** A fresh guest with everything that a case needs to play with it. */
export interface GuestUnderTest extends AsyncDisposable {
  /** Two regions or more, each of 32 pages or more, together four times `smallStoreBytes` or more; all pages but `untouched` have been
   *  touched, because a sweep may pass holes without spending its grant. */
  readonly guest: Guest;
  readonly clock: Clock;
  /** Never touched by anybody before the case; absent only with `cannot.untouched`. */
  readonly untouched?: { readonly region: number; readonly page: number };
  /**
   * Lets a writer of the guest put `bytes` at the start of a page; resolves when the write is done. The writer may block: it must not
   * be the thread that runs the case. Writes to different pages may be done at the same time.
   */
  readonly write: (region: number, page: number, bytes: Uint8Array) => Promise<void>;
  /** A copy of the page as it is now; never faults, not even on armed pages. */
  readonly read: (region: number, page: number) => Uint8Array | Promise<Uint8Array>;
}

export interface GuestComplianceOptions {
  readonly makeGuest: () => Promise<GuestUnderTest>;
  /** A bound that the store can be held to and that a quarter of the guest does not fit in; 64 KiB when not given. */
  readonly smallStoreBytes?: number;
  /** The guest can tell what changed since an earlier cut (`CaptureOptions.notesChanges`): the cases `changes: …` are there. */
  readonly notesChanges?: boolean;
  /** Why this guest cannot do what some cases need, by the name of the need. */
  readonly cannot?: { readonly inline?: string; readonly spill?: string; readonly untouched?: string };
}

/** What a case runs in: a guest, and the captures it takes of it. */
export interface Setting extends Omit<GuestUnderTest, typeof Symbol.asyncDispose> {
  readonly smallStoreBytes: number;
}

export const SMALL_STORE_BYTES = 64 * 1024;

/** Room for every page of a guest under test, so that nobody waits. */
export const ROOMY: CaptureOptions = { preImagesMaxBytes: 16 * 1024 * 1024, overflow: 'stall' };

export const INLINE: CaptureOptions = { preImagesMaxBytes: 0, overflow: 'stall' };
