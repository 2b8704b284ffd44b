import type { MovingTarget } from '@stillframe/migration';
import type { GuestState, Region } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import {
  allocateGuestMemory,
  GUEST_PAGE_BYTES,
  MAX_WASM_BYTES,
  WASM_PAGE_BYTES,
} from '../workloads/guest-memory.ts';
import { type LazyMovableMemory, lazyMovableMemory } from './lazy-movable-memory.ts';
import type { GuestHalf } from '../halves/save-half.ts';
import { restingHalf } from './resting-half.ts';
import { type Movable, type MovableMemory, movableKind, type RunningMovable } from './movable.ts';

export interface MovableTargetOptions {
  /** Kinds of guest that may come. */
  readonly movables: readonly Movable[];
  readonly optionsOf?: (movable: Movable) => Readonly<Record<string, string>>;
  /** Of all regions. Default: what is free now. */
  readonly maxBytes?: number;
}

export interface MovableTarget extends MovingTarget {
  /** The guest, once `loadState` has taken it up. */
  readonly running: RunningMovable | undefined;
  /** What is here of a guest that will not get the rest, at rest. Rejects when it cannot be brought to rest. */
  half(): Promise<GuestHalf>;
  /** Ends the guest, if it is there, whole or not. */
  end(): Promise<void>;
}

/** Puts a guest together that comes from a source, and takes it up here. */
export function movableTarget(options: MovableTargetOptions): MovableTarget {
  const { movables, optionsOf = () => ({}), maxBytes = process.availableMemory() } = options;
  let memory: MovableMemory[] = [];
  let regions: readonly Region[] = [];
  let running: RunningMovable | undefined;
  let loaded: Movable | undefined;
  let lazy: LazyMovableMemory | undefined;
  const end = async (): Promise<void> => {
    const stopping = running?.stop('ended');
    // Told first to stop: a thread that waits for a page that will not come gets nowhere with the zeros.
    lazy?.abandon();
    await stopping;
  };
  const started = (): RunningMovable => {
    if (running === undefined) throw new Error('no guest has been taken up');
    return running;
  };
  return {
    get running() {
      return running;
    },
    async allocate(wanted) {
      assertRoom(wanted, maxBytes);
      await Promise.all(movables.map(async (movable) => await movable.warm?.()));
      regions = wanted;
      memory = wanted.map(({ sizeBytes }) => memoryOf(sizeBytes));
    },
    writePages(region, runs, bytes) {
      const view = memory[region]!;
      let at = 0;
      for (const { firstPage, pageCount, kind } of runs) {
        const start = firstPage * GUEST_PAGE_BYTES;
        const sizeBytes = pageCount * GUEST_PAGE_BYTES;
        if (kind === 'zero') {
          zero(view, start, start + sizeBytes);
          continue;
        }
        view.set(bytes.subarray(at, at + sizeBytes), start);
        at += sizeBytes;
      }
    },
    async loadState(state) {
      const movable = movableOf(state, movables);
      const parts = {
        memory: new Map(regions.map(({ name }, id) => [name, memory[id]!])),
        state: state.bytes,
      };
      running = await movable.load(parts, optionsOf(movable));
      loaded = movable;
      void coolAll(movables);
    },
    lazy(runs) {
      lazy = lazyMovableMemory(memory, runs);
      return lazy;
    },
    half: () => restingHalf({ movable: loaded!, running: started(), regions, memory, lazy }),
    end,
    start: () => started().resume(),
    pause: () => started().pause(),
    resume: () => started().resume(),
    async discard() {
      await Promise.all([end(), coolAll(movables)]);
      memory = [];
    },
  };
}

async function coolAll(movables: readonly Movable[]): Promise<void> {
  await Promise.all(movables.map(async (movable) => await movable.cool?.()));
}

function movableOf({ kind }: GuestState, movables: readonly Movable[]): Movable {
  const movable = movables.find(({ name }) => movableKind(name) === kind);
  if (movable !== undefined) return movable;
  throw new CliError('REFUSED', `the guest is a ${kind}, which nobody here can take up`, {
    hint: `Known here: ${movables.map(({ name }) => movableKind(name)).join(', ')}. Give the same --guest-module on both sides.`,
  });
}

function assertRoom(regions: readonly Region[], maxBytes: number): void {
  const total = regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (total > maxBytes) {
    throw new CliError(
      'REFUSED',
      `the guest has ${total} bytes of memory, more than the ${maxBytes} that are free`,
    );
  }
  const odd = regions.find(
    ({ sizeBytes, pageSize }) => pageSize !== GUEST_PAGE_BYTES || sizeBytes > MAX_WASM_BYTES,
  );
  if (odd !== undefined) {
    throw new CliError(
      'REFUSED',
      `region ${odd.name} has ${odd.sizeBytes} bytes in pages of ${odd.pageSize}`,
      {
        hint: `A guest that moves has at most ${MAX_WASM_BYTES} bytes a region, in pages of ${GUEST_PAGE_BYTES}.`,
      },
    );
  }
}

/** WebAssembly gives memory in steps of 64 KiB; what is beyond the region is not seen. */
function memoryOf(sizeBytes: number): MovableMemory {
  const whole = Math.ceil(sizeBytes / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;
  return allocateGuestMemory(whole).subarray(0, sizeBytes);
}

const ZERO_PAGE = Buffer.alloc(GUEST_PAGE_BYTES);

/** Reading first: a page that was never touched stays untouched. */
function zero(view: MovableMemory, start: number, end: number): void {
  for (let at = start; at < end; at += GUEST_PAGE_BYTES) {
    const page = Buffer.from(view.buffer, view.byteOffset + at, GUEST_PAGE_BYTES);
    if (!page.equals(ZERO_PAGE)) page.fill(0);
  }
}
