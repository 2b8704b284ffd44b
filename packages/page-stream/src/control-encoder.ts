import { crc32c } from './crc32c.ts';
import { FRAME_HEADER_BYTES, frameTypes, migrationTypes, writeFrameHeader } from './frame-header.ts';
import type { Abort, Ack, Hello } from './frames.ts';
import { writeAbort } from './layout/abort.ts';
import { writeAck } from './layout/ack.ts';
import { type HandOver, writeHandOver } from './layout/hand-over.ts';
import { writeHello } from './layout/hello.ts';
import { type Lane, writeLane } from './layout/lane.ts';
import { type RequestedRun, writePageRequest } from './layout/page-request.ts';
import { type PageBitmap, writeResumeBitmap } from './layout/resume-bitmap.ts';

/** Control frames of one direction of one connection, each in one buffer. HELLO comes first. */
export class ControlEncoder {
  #sequence = 0;

  hello(hello: Hello): Uint8Array {
    return this.#frame(frameTypes.HELLO, writeHello(hello));
  }

  /** Control characters in `message` become spaces and it is cut to MAX_MESSAGE_BYTES. */
  ack(ack: Ack): Uint8Array {
    return this.#frame(frameTypes.ACK, writeAck(ack));
  }

  /** As `ack`; a `code` that the format cannot carry becomes `UNKNOWN`, so that giving up never fails. */
  abort(abort: Abort): Uint8Array {
    return this.#frame(frameTypes.ABORT, writeAbort(abort));
  }

  /** Of a migration stream only, as those below. */
  handOver(handOver: HandOver): Uint8Array {
    return this.#frame(migrationTypes.HAND_OVER, writeHandOver(handOver));
  }

  /** 1 to MAX_REQUEST_RUNS runs. */
  pageRequest(runs: readonly RequestedRun[]): Uint8Array {
    return this.#frame(migrationTypes.PAGE_REQUEST, writePageRequest(runs));
  }

  resumeBitmap(bitmap: PageBitmap): Uint8Array {
    return this.#frame(migrationTypes.RESUME_BITMAP, writeResumeBitmap(bitmap));
  }

  lane(lane: Lane): Uint8Array {
    return this.#frame(migrationTypes.LANE, writeLane(lane));
  }

  #frame(type: number, payload: Uint8Array): Uint8Array {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
    frame.set(payload, FRAME_HEADER_BYTES);
    writeFrameHeader(frame, {
      type,
      payloadBytes: payload.length,
      payloadCrc: crc32c(payload),
      sequence: this.#sequence++,
    });
    return frame;
  }
}
