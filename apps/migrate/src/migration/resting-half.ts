import { PageSet } from '@stillframe/migration';
import type { Region } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';
import type { GuestHalf } from '../halves/save-half.ts';
import { GUEST_PAGE_BYTES } from '../workloads/guest-memory.ts';
import type { LazyMovableMemory } from './lazy-movable-memory.ts';
import { type Movable, type MovableMemory, movableKind, type RunningMovable } from './movable.ts';

/** A guest none of whose threads waits for a page rests within milliseconds. */
const REST_LIMIT_MS = 1000;

export interface RestingHalfOptions {
  readonly movable: Movable;
  readonly running: RunningMovable;
  readonly regions: readonly Region[];
  /** By region. */
  readonly memory: readonly MovableMemory[];
  /** Undefined when all of it has come. */
  readonly lazy: LazyMovableMemory | undefined;
  /** After which somebody is taken to wait for a page. Default 1000. */
  readonly restLimitMs?: number;
}

/**
 * Brings a guest to rest whose missing pages will not come, for good.
 *
 * A thread may wait for such a page in the middle of a write. It can only go on if what the page held does not matter (`overwritesPages`): then
 * it gets zeros, and a page that holds something afterwards is this side's. Otherwise it rejects, because no state fits this memory.
 */
export async function restingHalf(options: RestingHalfOptions): Promise<GuestHalf> {
  const { movable, running, regions, memory, lazy, restLimitMs = REST_LIMIT_MS } = options;
  const resting = running.pause();
  const isWaiting = !(await isOverWithin(resting, restLimitMs));
  if (isWaiting) {
    if (movable.overwritesPages !== true || lazy === undefined) throw waits(movable);
    lazy.abandon();
    await resting;
  }
  // Looked up now: until the guest rested, pages may have come that no JavaScript has seen.
  const missing = new PageSet(regions, lazy?.missing());
  if (isWaiting) dropWritten(missing, memory);
  return {
    regions,
    state: { kind: movableKind(movable.name), bytes: await running.save() },
    missing: [...missing.runs()],
    readPages(region, firstPage, into) {
      const start = firstPage * GUEST_PAGE_BYTES;
      into.set(memory[region]!.subarray(start, start + into.byteLength));
    },
  };
}

async function isOverWithin(work: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    return await Promise.race([work.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}

const ZERO_PAGE = Buffer.alloc(GUEST_PAGE_BYTES);

/** Nothing is served any more: reading a page that never came gives zeros. */
function dropWritten(missing: PageSet, memory: readonly MovableMemory[]): void {
  for (const { region, firstPage, pageCount } of missing.runs()) {
    const { buffer, byteOffset } = memory[region]!;
    for (let page = firstPage; page < firstPage + pageCount; page++) {
      const isZero = ZERO_PAGE.equals(
        Buffer.from(buffer, byteOffset + page * GUEST_PAGE_BYTES, GUEST_PAGE_BYTES),
      );
      if (!isZero) missing.delete({ region, firstPage: page, pageCount: 1 });
    }
  }
}

function waits({ name }: Movable): CliError {
  return new CliError('REFUSED', `a thread of the guest ${name} waits for a page that only the source has`, {
    hint: 'It is in the middle of a write, so what is here is of no moment in its life. Only a guest that overwrites whole pages can be saved so.',
  });
}
