import { ChunkFrames, type ChunkFrame } from './chunk-frames.ts';
import type { ChunkSettings } from './chunk-options.ts';
import { ChunkPlanner } from './chunk-plan.ts';
import { CHUNK_WORDS, chunkWord, packMethods } from './chunk-table.ts';
import type { PageCodec } from './codec.ts';
import type { MemoryAccount } from './migration/memory-account.ts';
import { CompressionTrial } from './compression-trial.ts';
import type { PageSpan } from './frames.ts';
import { kindNumber } from './layout/chunks.ts';
import { PackOrder } from './pack-order.ts';
import type { PackedSlab } from './packer.ts';
import type { PageRun, RegionEntry } from './page-run.ts';
import { PageSpans } from './page-spans.ts';
import { PageTwins } from './page-twins.ts';
import { type PlannedSlab, SlabPlanner } from './slab-planner.ts';
import { storeChunks } from './store-chunks.ts';

/** Pages whose encoding has been decided. */
export interface PendingSlab extends PlannedSlab {
  readonly region: RegionEntry;
  readonly bytes: Uint8Array;
}

/** Makes CHUNKS frames of slabs: planned in the order of the calls, packed in any, put together in the order of the plans again. */
export class ChunkEncoder {
  readonly settings: ChunkSettings;
  readonly #codec: PageCodec;
  readonly #maxPayloadBytes: number;
  readonly #frames: ChunkFrames;
  readonly #spans: PageSpans;
  readonly #twins: PageTwins | undefined;
  readonly #trial = new CompressionTrial();
  readonly #order = new PackOrder<readonly boolean[]>((shrank) => this.#learn(shrank));
  #regions: readonly RegionEntry[] = [];
  #account: MemoryAccount | undefined;

  constructor(codec: PageCodec, settings: ChunkSettings, streamId: Uint8Array, maxPayloadBytes: number) {
    this.settings = settings;
    this.#codec = codec;
    this.#maxPayloadBytes = maxPayloadBytes;
    this.#frames = new ChunkFrames(codec);
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
    return { ...new SlabPlanner(parts, region, bytes, runs.length).plan(runs), region, bytes };
  }

  /** Pages as in the parent, whatever they hold. */
  planInherited(region: RegionEntry, spans: readonly PageSpan[]): PendingSlab {
    const sizes = { pageSize: region.pageSize, unitsPerPage: 0, chunkPages: 1 };
    const planner = new ChunkPlanner({ ...sizes, maxPayloadBytes: this.#maxPayloadBytes }, 0);
    for (const { firstPage, pageCount } of spans) planner.addBare(kindNumber.parent, firstPage, pageCount);
    return { ...planner.plan, base: undefined, digest: new Uint32Array(2), region, bytes: new Uint8Array() };
  }

  /** The chunks as they are, at once. */
  store({ region, bytes: pages, base, chunks }: PendingSlab): PackedSlab {
    const toStore = { region: region.id, pages, base, chunks: chunks.words };
    return storeChunks(this.#codec, toStore, this.#account?.terms[region.id]);
  }

  /** The chunks as small as they get. Without a packer as `store`. */
  async pack(slab: PendingSlab): Promise<PackedSlab> {
    const { packer, method, level, minSaving } = this.settings;
    const isStored = packer === undefined || this.#account !== undefined;
    if (isStored || slab.chunks.count === 0) return this.store(slab);
    const { region, bytes: pages, base } = slab;
    const chunks = slab.chunks.words;
    let packing: Promise<PackedSlab> | undefined;
    await this.#order.take(() => {
      if (method !== 'none') this.#choose(chunks, packMethods.indexOf(method));
      packing = packer.pack({ region: region.id, pages, base, chunks, level, minSaving });
      // Nothing of the slab or the packer: it is kept for a while.
      return packing.then((packed) => outcomes(packed.chunks));
    });
    return packing!;
  }

  /** The frames of a slab, with views of `packed.bytes`. */
  frames(slab: PendingSlab, packed: PackedSlab): ChunkFrame[] {
    return this.#frames.of(slab, packed);
  }

  /** Which chunks are worth a try. */
  #choose(chunks: Uint32Array, method: number): void {
    for (let from = 0; from < chunks.length; from += CHUNK_WORDS) {
      if (this.#trial.tryNext()) chunks[from + chunkWord.method] = method;
    }
  }

  #learn(shrank: readonly boolean[]): void {
    for (const chunk of shrank) this.#trial.saw(chunk);
  }
}

/** Of each chunk that was tried whether it shrank. */
function outcomes(chunks: Uint32Array): boolean[] {
  const shrank: boolean[] = [];
  for (let from = 0; from < chunks.length; from += CHUNK_WORDS) {
    if (chunks[from + chunkWord.method] === 0) continue;
    shrank.push(chunks[from + chunkWord.kind] !== kindNumber.data);
  }
  return shrank;
}
