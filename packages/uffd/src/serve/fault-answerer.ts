import native from '#native';
import { type CaptureRegion, resolveRegions } from '../capture-region.ts';
import { closeAtExit } from '../exit.ts';
import { toFd } from '../range.ts';

export interface FaultAnswererOptions {
  /** A stream socket; taken over, unless this throws. */
  readonly fd: number;
  /** Said first, at once. */
  readonly greeting?: Uint8Array;
  /** What is asked for, region by region: of this process, and kept alive until `close`. */
  readonly memory: readonly CaptureRegion[];
}

/**
 * The source's end of a lane of faults: a native thread answers each question with a page, and no JavaScript is in the way.
 *
 * Ordering: nothing is read before `serve`, nor after `close`; in between the memory stands still.
 * Lifetime: until `close`, or until the other side ends the connection or asks for what there is not.
 */
export class FaultAnswerer {
  readonly #native: native.FaultAnswerer;
  readonly #kept: object[];

  /** @throws RangeError for memory that is not whole pages. */
  constructor({ fd, greeting = new Uint8Array(), memory }: FaultAnswererOptions) {
    const regions = resolveRegions(memory);
    this.#kept = memory.map((region) => region.memory);
    const words = regions.flatMap(({ address, sizeBytes, pageSize }) => [
      address,
      BigInt(sizeBytes),
      BigInt(pageSize),
    ]);
    this.#native = new native.FaultAnswerer(toFd(fd, 'fd'), greeting, BigUint64Array.from(words));
    closeAtExit(this);
  }

  /** Pages that were answered with. */
  get pages(): number {
    return this.#native.pages();
  }

  /** Bytes of the answers. */
  get bytes(): number {
    return this.#native.bytes();
  }

  /** Nothing is answered any more. */
  get isLost(): boolean {
    return this.#native.lost();
  }

  /** The memory stands still: questions are answered from now on. Idempotent. */
  serve(): void {
    this.#native.serve();
  }

  /** Joins the thread. Idempotent. */
  close(): void {
    this.#native.close();
    this.#kept.length = 0;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
