import type { CoreFile } from './core-file.ts';

const PAGE_BYTES = 4096;
const WORDS = PAGE_BYTES / 8;
const SEEN_WORD = 1;
const MAGIC = Buffer.from(Buffer.from('SFSTAMPS').map((byte) => byte ^ 0xff));

/** How far a page may be filled whose step is under way: from its start on, or anyhow. */
export type Partial = 'prefix' | 'mix';

export interface StampFindings {
  /** What no single instant can have been. Empty for a cut. */
  readonly wrong: readonly string[];
  /** The step that each thread had published. */
  readonly published: readonly number[];
  /** Threads in the middle of a page. */
  readonly partialPages: number;
}

/** Judges the stamps in a core by the rules of test/targets/stamps.h. `address` null: looks for them. */
export function judgeStamps(core: CoreFile, address: number | null, partial: Partial): StampFindings {
  const header = address === null ? findHeader(core) : readHeader(core, address);
  if (header === undefined) {
    return { wrong: ['the stamps are not in the core'], published: [], partialPages: 0 };
  }
  const { at, threads, pages } = header;
  const wordAt = (place: number) => Number(core.read(place, 8)!.readBigUInt64LE());
  const published = Array.from({ length: threads }, (_, thread) => wordAt(at + (1 + thread) * PAGE_BYTES));
  const wrong: string[] = [];
  let partialPages = 0;
  for (let thread = 0; thread < threads; thread++) {
    const neighbour = published[(thread + 1) % threads]!;
    for (let page = 0; page < pages; page++) {
      const place = at + (1 + threads + thread * pages + page) * PAGE_BYTES;
      const bytes = core.read(place, PAGE_BYTES);
      const found =
        bytes === undefined
          ? 'absent'
          : judgePage(bytes, { page, pages, published: published[thread]!, neighbour, partial });
      if (found === 'partial') partialPages += 1;
      else if (found !== 'whole') wrong.push(`thread ${thread}, page ${page}: ${found}`);
    }
  }
  return { wrong, published, partialPages };
}

interface Header {
  readonly at: number;
  readonly threads: number;
  /** Of each thread. */
  readonly pages: number;
}

/** Beyond these the magic is there by itself: as a constant of the target's program, with something else behind it. */
const THREADS_MAX = 4096;
const PAGES_MAX = 2 ** 20;

function readHeader(core: CoreFile, at: number): Header | undefined {
  const bytes = core.read(at, 24);
  if (bytes === undefined || MAGIC.compare(bytes, 0, MAGIC.length) !== 0) return undefined;
  const threads = Number(bytes.readBigUInt64LE(8));
  const pages = Number(bytes.readBigUInt64LE(16));
  const isHeader = threads > 0 && threads <= THREADS_MAX && pages > 0 && pages <= PAGES_MAX;
  return isHeader ? { at, threads, pages } : undefined;
}

function findHeader(core: CoreFile): Header | undefined {
  for (const at of core.find(MAGIC)) {
    const header = readHeader(core, at);
    if (header !== undefined) return header;
  }
  return undefined;
}

interface PageExpectation {
  readonly page: number;
  readonly pages: number;
  readonly published: number;
  readonly neighbour: number;
  readonly partial: Partial;
}

function judgePage(bytes: Buffer, { page, pages, published, neighbour, partial }: PageExpectation): string {
  // The last step up to the published one that went to this page; 0 when none did.
  const last = published - ((((published - 1 - page) % pages) + pages) % pages);
  const old = Math.max(last, 0);
  const mayBePartial = published % pages === page;
  const next = published + 1;
  let newWords = 0;
  let isPrefix = true;
  for (let word = 0; word < WORDS; word++) {
    const value = Number(bytes.readBigUInt64LE(word * 8));
    if (word === SEEN_WORD) {
      if (value > neighbour) return `saw step ${value} of a thread that had published ${neighbour}`;
    } else if (value === next && mayBePartial) {
      isPrefix &&= newWords === word - (word > SEEN_WORD ? 1 : 0);
      newWords += 1;
    } else if (value !== old) {
      return `word ${word} is ${value}, neither ${old}${mayBePartial ? ` nor ${next}` : ''}`;
    }
  }
  if (!isPrefix && partial === 'prefix') return `filled with ${next} not from its start on`;
  return newWords > 0 && newWords < WORDS - 1 ? 'partial' : 'whole';
}
