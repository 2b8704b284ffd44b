import type { GuestStalls } from '../../../vm-guest/src/test-machine.ts';

/** A picture of a machine. */
export interface MachinePicture {
  /** From the request, to a QEMU that has been running for long, until the image has ended. */
  readonly totalMs: number;
  /** How long the machine stood still, by QEMU's own events. */
  readonly pauseMs: number;
}

/** And what the machine noticed of it, by its own clock. */
export interface FeltPicture extends MachinePicture {
  readonly stalls: GuestStalls;
}

/** Where an image goes; the same for both sides. */
export type VmSink =
  | { readonly kind: 'null' }
  /** To another process, which drops it. */
  | { readonly kind: 'pipe' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Stands still `stalls` times, evenly spread over `imageBytes`. */
  | {
      readonly kind: 'stalling';
      readonly stalls: number;
      readonly stallMs: number;
      readonly imageBytes: number;
    };
