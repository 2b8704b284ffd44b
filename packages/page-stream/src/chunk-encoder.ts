import { appendCrc } from './append-crc.ts';
import type { ChunkSettings } from './chunk-options.ts';
import { ChunkPlanner, type PlannedRun } from './chunk-plan.ts';
import type { PageCodec } from './codec.ts';
import type { MemoryAccount } from './migration/memory-account.ts';
import { CompressionTrial } from './compression-trial.ts';
import { FRAME_HEADER_BYTES } from './frame-header.ts';
import type { PageSpan } from './frames.ts';
import { CHUNK_RUN_BYTES, CHUNKS_HEAD_BYTES, type ChunkRun, writeChunkTable } from './layout/chunks.ts';
import { PackOrder } from './pack-order.ts';
import type { PackedSlab, PackRequest } from './packer.ts';
import type { PageRun, RegionEntry } from './page-run.ts';
import { PageSpans } from './page-spans.ts';
import { PageTwins } from './page-twins.ts';
import { type PlannedSlab, SlabPlanner } from './slab-planner.ts';
import { storeChunks } from './store-chunks.ts';
import { pad8 } from './u64.ts';

const padding = new Uint8Array(8);

/** Pages whose encoding has been decided. */
export interface PendingSlab extends PlannedSlab {
  readonly region: RegionEntry;
  readonly bytes: Uint8Array;
}

/** A CHUNKS frame that lacks only its header, for which `head` has room at its start. */
export interface ChunkFrame {
  readonly head: Uint8Array;
  readonly views: readonly Uint8Array[];
  readonly payloadBytes: number;
  readonly payloadCrc: number;
  readonly runs: readonly ChunkRun[];
}

/** How the chunks of a slab went. */
interface Outcome {
  readonly tried: readonly boolean[];
  readonly shrank: readonly boolean[];
}

/** Makes CHUNKS frames of slabs: planned in the order of the calls, packed in any, put together in the order of the plans again. */
export class ChunkEncoder {
  readonly settings: ChunkSettings;
  readonly #codec: PageCodec;
  readonly #maxPayloadBytes: number;
  readonly #spans: PageSpans;
  readonly #twins: PageTwins | undefined;
  readonly #trial = new CompressionTrial();
  readonly #order = new PackOrder<Outcome>((outcome) => this.#learn(outcome));
  #regions: readonly RegionEntry[] = [];
  #account: MemoryAccount | undefined;

  constructor(codec: PageCodec, settings: ChunkSettings, streamId: Uint8Array, maxPayloadBytes: number) {
    this.settings = settings;
    this.#codec = codec;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#spans = new PageSpans(codec);
    this.#twins = settings.twinEntries > 0 ? new PageTwins(codec, streamId, settings.twinEntries) : undefined;
  }

  /** Returns the account that keeps the digest of this image, if one does. */
  start(regions: readonly RegionEntry[]): MemoryAccount | undefined {
    const { account, method, parent } = this.settings;
    this.#regions = regions;
    if (method === 'none') this.#account = account?.begin(regions, this.#codec, parent);
    return this.#account;
  }

  plan(region: RegionEntry, runs: readonly PageRun[], bytes: Uint8Array): PendingSlab {
    const parts = {
      codec: this.#codec,
      settings: this.settings,
      maxPayloadBytes: this.#maxPayloadBytes,
      spans: this.#spans,
      twins: this.#twins,
      regions: this.#regions,
      account: this.#account,
    };
    return { ...new SlabPlanner(parts, region, bytes).plan(runs), region, bytes };
  }

  /** Pages as in the parent, whatever they hold. */
  planInherited(region: RegionEntry, spans: readonly PageSpan[]): PendingSlab {
    const planner = new ChunkPlanner({
      pageSize: region.pageSize,
      unitsPerPage: 0,
      chunkPages: 1,
      maxPayloadBytes: this.#maxPayloadBytes,
    });
    for (const { firstPage, pageCount } of spans) planner.addBare('parent', firstPage, pageCount);
    return { ...planner.plan, base: undefined, digest: new Uint32Array(2), region, bytes: new Uint8Array() };
  }

  /** The chunks as they are, at once. */
  store(slab: PendingSlab): PackedSlab {
    const { region, bytes: pages, base, chunks } = slab;
    return storeChunks(
      this.#codec,
      { region: region.id, pages, base, chunks },
      this.#account?.terms[region.id],
    );
  }

  /** The chunks as small as they get. Without a packer as `store`. */
  async pack(slab: PendingSlab): Promise<PackedSlab> {
    const { packer, method } = this.settings;
    const isStored = packer === undefined || this.#account !== undefined;
    if (isStored || slab.chunks.length === 0) return this.store(slab);
    let packed: PackedSlab | undefined;
    await this.#order.take(async () => {
      const request = this.#request(slab, method !== 'none');
      packed = await packer.pack(request);
      // Nothing of the slab or the packer: it is kept for a while.
      return {
        tried: request.chunks.map((chunk) => chunk.method !== 'none'),
        shrank: packed.chunks.map((chunk) => chunk.kind !== 'data'),
      };
    });
    return packed!;
  }

  #learn({ tried, shrank }: Outcome): void {
    for (const [index, chunk] of tried.entries()) if (chunk) this.#trial.saw(shrank[index] === true);
  }

  #request({ region, bytes, base, chunks }: PendingSlab, compress: boolean): PackRequest {
    const { method, level, minSaving } = this.settings;
    return {
      region: region.id,
      pages: bytes,
      base,
      chunks: chunks.map(({ at, sizeBytes, firstUnit }) => ({
        at,
        sizeBytes,
        firstUnit,
        method: compress && this.#trial.tryNext() ? method : 'none',
      })),
      level,
      minSaving,
    };
  }

  /** The frames of a slab, with views of `packed.bytes`. */
  *frames(slab: PendingSlab, packed: PackedSlab): Generator<ChunkFrame> {
    for (const planned of slab.frames) yield this.#frame(slab.region, planned, packed);
  }

  #frame(region: RegionEntry, planned: readonly PlannedRun[], packed: PackedSlab): ChunkFrame {
    const runs = planned.map((run) => asChunkRun(run, packed));
    const head = new Uint8Array(FRAME_HEADER_BYTES + CHUNKS_HEAD_BYTES + CHUNK_RUN_BYTES * runs.length);
    const payloadHead = head.subarray(FRAME_HEADER_BYTES);
    const crc32c = (bytes: Uint8Array, seed?: number) => this.#codec.crc32c(bytes, seed);
    writeChunkTable(payloadHead, region.id, runs, crc32c);
    const views: Uint8Array[] = [];
    let viewStart = 0;
    let viewEnd = 0;
    let payloadBytes = payloadHead.length;
    let payloadCrc = crc32c(payloadHead);
    for (const run of planned) {
      if (run.kind !== 'chunk') continue;
      const { storedAt, storedBytes, storedCrc } = packed.chunks[run.chunk]!;
      const padded = pad8(storedBytes);
      payloadCrc = appendCrc(payloadCrc, storedCrc, storedBytes);
      if (padded > storedBytes) payloadCrc = crc32c(padding.subarray(0, padded - storedBytes), payloadCrc);
      payloadBytes += padded;
      if (storedAt !== viewEnd && viewEnd > viewStart) views.push(packed.bytes.subarray(viewStart, viewEnd));
      if (storedAt !== viewEnd) viewStart = storedAt;
      viewEnd = storedAt + padded;
    }
    if (viewEnd > viewStart) views.push(packed.bytes.subarray(viewStart, viewEnd));
    return { head, views, payloadBytes, payloadCrc, runs };
  }
}

function asChunkRun(run: PlannedRun, { chunks }: PackedSlab): ChunkRun {
  const { firstPage, pageCount } = run;
  // Written out each time: there is one for every chunk.
  if (run.kind === 'same-as') {
    const { kind, sourceRegion, sourcePage } = run;
    return { kind, firstPage, pageCount, storedBytes: 0, storedCrc: 0, sourceRegion, sourcePage };
  }
  if (run.kind !== 'chunk') {
    const { kind } = run;
    return { kind, firstPage, pageCount, storedBytes: 0, storedCrc: 0, sourceRegion: 0, sourcePage: 0 };
  }
  const { kind, storedBytes, storedCrc } = chunks[run.chunk]!;
  return { kind, firstPage, pageCount, storedBytes, storedCrc, sourceRegion: 0, sourcePage: 0 };
}
