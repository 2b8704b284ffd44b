import type { Abort, Ack, Hello } from './frames.ts';

/** Control frames of one direction of one connection, in whole buffers. HELLO comes first. */
export declare class ControlEncoder {
  hello(hello: Hello): Uint8Array;
  /** Control characters in `message` become spaces and it is cut to MAX_MESSAGE_BYTES. */
  ack(ack: Ack): Uint8Array;
  /** As `ack`; a `code` that the format cannot carry becomes `UNKNOWN`, so that giving up never fails. */
  abort(abort: Abort): Uint8Array;
}
