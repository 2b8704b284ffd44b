import {
  type LostPages,
  openImage,
  PageStreamError,
  pureCodec,
  salvageImage,
  type StoredImage,
} from '../src/index.ts';
import type { StreamLimits } from '../src/limits.ts';
import { encodeChunked, oneRegion, testCodec, way } from '../test/chunked-images.ts';
import { sampleParent } from '../test/full-reader.ts';
import { joinFrames, splitFrames } from '../test/raw-frames.ts';
import { referenceParent } from '../test/reference-chunks.ts';
import { referenceDecode } from '../test/reference-decoder.ts';
import { encodeImage } from '../test/sample-images.ts';
import { changeIndex, mutateFrames } from './mutate.ts';
import type { Random } from './random.ts';

/** A stored image, and what its pages are full of. */
interface Stored {
  readonly bytes: Uint8Array;
  readonly contents: readonly number[];
}

const contents = [1, 2, 0, 0, 3, 3, 1, 2, 5, 0];

/** The pages of `sampleParent`, the third changed. */
const changed = [0x41, 0, 7, 0];

const small = { ...way, chunkBytes: 4096, method: 'lz4' } as const;

const corpus: readonly Stored[] = [
  { contents, bytes: await encodeChunked(oneRegion(contents), small) },
  { contents, bytes: await encodeChunked(oneRegion(contents), { ...small, index: false }) },
  { contents, bytes: await encodeChunked(oneRegion(contents), { ...small, method: 'zstd', sameAs: true }) },
  { contents: [0, 0, 9, 0], bytes: encodeImage(oneRegion([0, 0, 9, 0])) },
  {
    contents: changed,
    bytes: await encodeChunked(oneRegion(changed), small, { parent: sampleParent, id: 8 }),
  },
];

const INDEX = 7;
const indexed = corpus.filter(({ bytes }) => splitFrames(bytes).some(({ type }) => type === INDEX));

/** Any page of a damaged image is right or is an error; any page of a salvage is right or is lost. Throws otherwise. */
export function runDamagedImage(random: Random): string {
  const stored = random.pick(corpus);
  const bytes = damage(stored.bytes, random);
  const expected = (page: number) => new Uint8Array(4096).fill(stored.contents[page] ?? 0xee);
  const opened = read(bytes, expected);
  const lost = salvage(bytes, expected);
  return `image ${opened}${lost === undefined ? '' : lost.length > 0 ? ', some lost' : ', none lost'}`;
}

/** What is said with right checksums but may be wrong: the reference decoder knows. */
export function runChangedImage(random: Random, limits: StreamLimits): string {
  const frames = splitFrames(random.pick(corpus).bytes);
  const bytes = joinFrames(mutateFrames(frames, frames, random));
  const reference = referenceDecode(bytes, 'file', limits, referenceParent);
  if (reference.error) {
    read(bytes, undefined);
    salvage(bytes, undefined);
    return 'image refused';
  }
  const expected = (page: number, region: number) =>
    reference.pages.get(`${region}:${page}`) ?? new Uint8Array();
  if (read(bytes, expected) !== 'read') throw new Error('a page of an image that is right cannot be read');
  const lost = salvage(bytes, expected);
  if (lost === undefined || lost.length > 0) throw new Error('pages of an image that is right are lost');
  return 'image accepted';
}

/** An index may lie: every page is right all the same, because the frames are. Throws otherwise. */
export function runChangedIndex(random: Random): string {
  const stored = random.pick(indexed);
  const frames = splitFrames(stored.bytes);
  for (let left = random.below(3); left >= 0; left--) changeIndex(frames, random);
  const bytes = joinFrames(frames);
  const expected = (page: number) => new Uint8Array(4096).fill(stored.contents[page] ?? 0xee);
  const image = openImage((offset, length) => bytes.slice(offset, offset + length), options(bytes));
  const atFirst = image.index;
  for (const { id, pageSize, pages } of pagesOf(image)) {
    for (let page = 0; page < pages; page++) {
      const one = new Uint8Array(pageSize);
      image.readPages(id, page, one);
      same(one, expected(page), page);
    }
  }
  const lost = salvage(bytes, expected);
  if (lost === undefined || lost.length > 0) throw new Error('pages are lost because of the index');
  return atFirst === image.index ? `index ${atFirst}` : `index ${atFirst}, then ${image.index}`;
}

type Expected = ((page: number, region: number) => Uint8Array) | undefined;

function same(one: Uint8Array, other: Uint8Array, page: number): void {
  if (Buffer.compare(one, other) !== 0) throw new Error(`page ${page} is wrong`);
}

/** Reads all pages that can be read. */
function read(bytes: Uint8Array, expected: Expected): string {
  const image = attempt(() =>
    openImage((offset, length) => bytes.slice(offset, offset + length), options(bytes)),
  );
  if (!image) return 'not opened';
  let failed = false;
  for (const { id, pageSize, pages } of pagesOf(image)) {
    for (let page = 0; page < pages; page++) {
      const one = new Uint8Array(pageSize);
      if (!attempt(() => (image.readPages(id, page, one), true))) failed = true;
      else if (expected) same(one, expected(page, id), page);
    }
  }
  return failed ? 'read in part' : 'read';
}

/** Undefined when there was nothing to begin with. */
function salvage(bytes: Uint8Array, expected: Expected): readonly LostPages[] | undefined {
  const saved = attempt(() =>
    salvageImage((offset, length) => bytes.slice(offset, offset + length), options(bytes)),
  );
  if (!saved) return undefined;
  const total = saved.regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0);
  if (total > MAX_PAGES) return undefined;
  const seen = new Set<string>();
  for (const { region, firstPage, pageCount, bytes: content } of saved.pages()) {
    const pageSize = content.length / pageCount;
    for (let i = 0; i < pageCount; i++) {
      seen.add(`${region}:${firstPage + i}`);
      const one = content.subarray(i * pageSize, (i + 1) * pageSize);
      if (expected) same(one, expected(firstPage + i, region), firstPage + i);
    }
  }
  const lostCount = saved.lost.reduce((sum, { pageCount }) => sum + pageCount, 0);
  if (seen.size + lostCount !== total)
    throw new Error(`${seen.size} saved and ${lostCount} lost of ${total}`);
  if (expected && lostCount === 0 && saved.digest === 'differs')
    throw new Error('all saved, but the digest differs');
  return saved.lost;
}

/** A hole of terabytes is right, and takes too long to read here. */
const MAX_PAGES = 4096;

function pagesOf({
  regions,
}: Pick<StoredImage, 'regions'>): { id: number; pageSize: number; pages: number }[] {
  return regions.map(({ id, pageSize, sizeBytes }) => ({
    id,
    pageSize,
    pages: Math.min(sizeBytes / pageSize, 64),
  }));
}

function options(bytes: Uint8Array) {
  return { sizeBytes: bytes.length, codec: { ...pureCodec, ...testCodec }, parent: sampleParent };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof PageStreamError) return undefined;
    throw error;
  }
}

/** Overwrites, cuts, inserts or repeats; nothing is put right again. */
function damage(bytes: Uint8Array, random: Random): Uint8Array {
  let damaged = bytes.slice();
  for (let left = random.below(4); left >= 0; left--) {
    const at = random.below(damaged.length);
    const length = 1 + random.below(random.once(3) ? 300 : 3);
    const [before, behind] = [damaged.subarray(0, at), damaged.subarray(at + length)];
    const kind = random.below(6);
    if (kind === 0) damaged = damaged.slice(0, at + 1);
    else if (kind === 1) damaged = Buffer.concat([before, behind]);
    else if (kind === 2) damaged = Buffer.concat([damaged.subarray(0, at + length), damaged.subarray(at)]);
    else for (let i = at; i < Math.min(at + length, damaged.length); i++) damaged[i] = random.below(256);
  }
  return damaged;
}
