import type { PageCodec } from '../codec.ts';
import { PageStreamError } from '../error.ts';
import { features } from '../features.ts';
import {
  FRAME_HEADER_BYTES,
  type FrameHeader,
  frameTypes,
  migrationTypes,
  readFrameHeader,
} from '../frame-header.ts';
import type { FramePlace, HeaderFrame, PagesFrame, StateFrame } from '../frames.ts';
import { readAbort } from '../layout/abort.ts';
import { readEnd } from '../layout/end.ts';
import { readStatePart, type StateProgress } from '../layout/guest-state.ts';
import { readHandOver } from '../layout/hand-over.ts';
import { readHello } from '../layout/hello.ts';
import { readLane } from '../layout/lane.ts';
import { readPageRequest } from '../layout/page-request.ts';
import { readRunTable } from '../layout/pages.ts';
import { readRegionTable } from '../layout/region-table.ts';
import { readResumeBitmap } from '../layout/resume-bitmap.ts';
import { readRoundMark } from '../layout/round-mark.ts';
import { readStreamHeader } from '../layout/stream-header.ts';
import { lowerLimits, type StreamLimits } from '../limits.ts';
import { Payload } from '../payload.ts';
import { pureCodec } from '../pure-codec.ts';
import { ReceiveBuffer } from '../receive-buffer.ts';
import type { MigrationFrame } from './frames.ts';
import { MemoryAccount } from './memory-account.ts';
import { type MigrationFrom, migrationLayouts, MigrationOrder } from './migration-order.ts';

export interface MigrationDecoderOptions {
  readonly from: MigrationFrom;
  /** Default `pureCodec`. */
  readonly codec?: PageCodec;
  /** Lowers the limits of the format. */
  readonly limits?: Partial<StreamLimits>;
  /** For every connection but the first from a source: what the first one's decoder made of the region table, or what the source sends. */
  readonly account?: MemoryAccount;
}

/** What one read completed: `frames` in order, and then `error`, after which the decoder takes nothing more. */
export interface MigrationBatch {
  readonly frames: readonly MigrationFrame[];
  readonly error: Error | undefined;
}

/**
 * Bytes of one direction of one connection of a migration, to checked frames. As `PageStreamDecoder`, but pages may come again, and whether
 * all have come is not asked here: `account` knows. Views in frames are valid until the next `wrote`.
 */
export class MigrationDecoder {
  readonly #from: MigrationFrom;
  readonly #codec: PageCodec;
  readonly #limits: StreamLimits;
  readonly #order: MigrationOrder;
  readonly #buffer = new ReceiveBuffer();
  #account: MemoryAccount | undefined;
  #header: FrameHeader | undefined;
  #frameOffset = 0;
  #state: StateProgress | undefined;
  #failure: Error | undefined;

  constructor({ from, codec = pureCodec, limits, account }: MigrationDecoderOptions) {
    this.#from = from;
    this.#codec = codec;
    this.#limits = lowerLimits(limits);
    this.#order = new MigrationOrder(from, this.#limits.maxSkippedFrames);
    this.#account = account;
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#frameOffset + this.#buffer.pendingBytes;
  }

  /** Known once the region table has come. */
  get account(): MemoryAccount | undefined {
    return this.#account;
  }

  /** For the answers of a destination: what was sent to it, and what its requests are checked against. */
  set account(account: MemoryAccount) {
    this.#account = account;
  }

  /** Where to read the next bytes to; never empty. Valid until the next `wrote`. */
  writable(): Uint8Array {
    return this.#buffer.free(this.#neededBytes());
  }

  /** `byteCount` bytes were read to the start of `writable()`. Throws the failure of an earlier call. */
  wrote(byteCount: number): MigrationBatch {
    if (this.#failure !== undefined) throw this.#failure;
    this.#buffer.filled(byteCount);
    const frames: MigrationFrame[] = [];
    try {
      for (let size = this.#wholeBytes(); size > 0; size = this.#wholeBytes()) {
        const frame = this.#decode(this.#buffer.pending.subarray(FRAME_HEADER_BYTES, size));
        this.#order.accept(frame);
        this.#buffer.lend(size);
        this.#header = undefined;
        this.#frameOffset += size;
        frames.push(frame);
      }
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    return { frames, error: this.#failure };
  }

  /** The connection has ended. Throws STREAM_TRUNCATED when it ended within a frame; whether it may end is the protocol's to say. */
  finish(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#buffer.pendingBytes === 0) return;
    throw new PageStreamError('STREAM_TRUNCATED', this.offset, 'the connection ends within a frame');
  }

  #neededBytes(): number {
    return FRAME_HEADER_BYTES + (this.#header?.payloadBytes ?? 0);
  }

  /** Length of the frame that is pending as a whole; 0 when more is needed. */
  #wholeBytes(): number {
    const { pendingBytes } = this.#buffer;
    if (pendingBytes > 0 && this.#order.closed) {
      throw new PageStreamError('STREAM_TRAILING_BYTES', this.#frameOffset, 'bytes after the end');
    }
    if (pendingBytes < FRAME_HEADER_BYTES) return 0;
    if (this.#header === undefined) {
      const header = readFrameHeader(this.#buffer.pending, this.#frameOffset, this.#limits, migrationLayouts);
      this.#order.admit(header);
      this.#header = header;
    }
    return pendingBytes < this.#neededBytes() ? 0 : this.#neededBytes();
  }

  #decode(bytes: Uint8Array): MigrationFrame {
    const header = this.#header!;
    const payload = new Payload(header, bytes);
    const place = { offset: header.offset, sequence: header.sequence, payloadBytes: header.payloadBytes };
    if (header.type === frameTypes.PAGES) return this.#pages(place, payload);
    this.#checkCrc(payload, this.#codec.crc32c(bytes));
    switch (header.type) {
      case frameTypes.STREAM_HEADER:
        return this.#streamHeader(place, payload);
      case frameTypes.REGION_TABLE: {
        const regions = readRegionTable(payload, this.#limits);
        this.#account = new MemoryAccount(regions, this.#codec);
        return { ...place, type: 'regions', regions };
      }
      case frameTypes.GUEST_STATE:
        return this.#statePart(place, payload);
      case frameTypes.END:
        return { ...place, type: 'end', digest: readEnd(payload).digest };
      case frameTypes.HELLO:
        return {
          ...place,
          type: 'hello',
          ...readHello(payload, this.#from === 'destination' ? 'destination' : 'source'),
        };
      case frameTypes.ABORT:
        return { ...place, type: 'abort', ...readAbort(payload) };
      case migrationTypes.ROUND_MARK:
        return { ...place, type: 'round', ...readRoundMark(payload) };
      case migrationTypes.HAND_OVER:
        return { ...place, type: 'hand-over', ...readHandOver(payload) };
      case migrationTypes.PAGE_REQUEST:
        return { ...place, type: 'page-request', requested: readPageRequest(payload, this.#regions) };
      case migrationTypes.RESUME_BITMAP:
        return { ...place, type: 'resume-bitmap', ...readResumeBitmap(payload, this.#regions) };
      case migrationTypes.LANE:
        return { ...place, type: 'lane', ...readLane(payload) };
      default:
        return { ...place, type: 'skipped', frameType: header.type };
    }
  }

  get #regions() {
    return this.#account?.regions ?? [];
  }

  #streamHeader(place: FramePlace, payload: Payload): HeaderFrame {
    const header = readStreamHeader(payload, features.MIGRATION);
    if (header.requiredFeatures !== features.MIGRATION) {
      payload.fail('STREAM_FEATURE', 8, 'this stream is an image, not a migration');
    }
    return { ...place, type: 'header', ...header };
  }

  #statePart(place: FramePlace, payload: Payload): StateFrame {
    const part = readStatePart(payload, this.#state, this.#limits);
    const receivedBytes = part.partOffset + part.bytes.length;
    this.#state = { kind: part.kind, totalBytes: part.totalBytes, receivedBytes };
    return { ...place, type: 'state', ...part, last: receivedBytes === part.totalBytes };
  }

  /** CRC and digest are one pass over the page bytes; a page counts only when the CRC of its frame was right. */
  #pages(place: FramePlace, payload: Payload): PagesFrame {
    let table;
    try {
      table = readRunTable(payload, this.#regions);
    } catch (error) {
      // A table that makes no sense is often a damaged one, and then the CRC is the better answer.
      this.#checkCrc(payload, this.#codec.crc32c(payload.bytes));
      throw error;
    }
    const { region, runs, dataStart } = table;
    const terms = this.#account!.terms[region.id]!;
    let crc = this.#codec.crc32c(payload.bytes.subarray(0, dataStart));
    let at = dataStart;
    for (const { firstPage, pageCount, kind } of runs) {
      if (kind === 'zero') {
        terms.zero(firstPage, pageCount);
        continue;
      }
      const sizeBytes = pageCount * region.pageSize;
      crc = terms.data(firstPage, payload.bytes.subarray(at, at + sizeBytes), crc);
      at += sizeBytes;
    }
    // After a mismatch the account is of no use any more: the decoder has failed, and the migration with it.
    this.#checkCrc(payload, crc);
    return { ...place, type: 'pages', region: region.id, runs, bytes: payload.bytes.subarray(dataStart) };
  }

  #checkCrc({ header }: Payload, crc: number): void {
    if (crc === header.payloadCrc) return;
    const message = `payload CRC mismatch in a frame of ${header.payloadBytes} bytes`;
    throw new PageStreamError('STREAM_PAYLOAD_CRC', header.offset + FRAME_HEADER_BYTES, message);
  }
}
