import { isDeepStrictEqual } from 'node:util';
import {
  ControlEncoder,
  formatDigest,
  MemoryAccount,
  MigrationDecoder,
  MigrationEncoder,
  type MigrationFrame,
  type MigrationFrom,
  ownHello,
  PageStreamEncoder,
  PageStreamError,
  type RegionEntry,
} from '../src/index.ts';
import { handOverSteps, writeHandOver } from '../src/layout/hand-over.ts';
import { lanePurposes, writeLane } from '../src/layout/lane.ts';
import { writePageRequest } from '../src/layout/page-request.ts';
import { writeResumeBitmap } from '../src/layout/resume-bitmap.ts';
import { writeRoundMark } from '../src/layout/round-mark.ts';
import { formatHexText } from '../test/hex-text.ts';
import { migrationVectors } from '../test/migration/migration-vectors.ts';
import { concat, splitFrames } from '../test/raw-frames.ts';
import { joinMaybeDamaged, mutateFrames } from './mutate.ts';
import type { Random } from './random.ts';
import { limits } from './stream-rounds.ts';

const HEAD_BYTES = 32;
const MIGRATION = 64;
const MAX_FRAMES = 8;
const streamId = Uint8Array.from({ length: 16 }, (_, index) => index);
const regions: readonly RegionEntry[] = [
  { id: 0, name: 'ram', sizeBytes: 8 * 4096, pageSize: 4096 },
  { id: 1, name: 'rom', sizeBytes: 2 * 8192, pageSize: 8192 },
];
const allFrames = migrationVectors.flatMap(({ bytes }) => splitFrames(bytes));

/**
 * A connection of a migration. One that is right must be accepted. Whatever is accepted is what the writers would have written, lies within the
 * regions, leaves the account as a naive one has it, and is the same however the bytes come.
 */
export function runMigrationRound(random: Random): string {
  const from = random.pick<MigrationFrom>(['source', 'source-lane', 'destination']);
  const right = connection(random, from);
  const isRight = random.once(4);
  const bytes = isRight
    ? right
    : joinMaybeDamaged(mutateFrames(splitFrames(right), allFrames, random), random);
  try {
    const whole = read(bytes, from, bytes.length);
    const parts = read(bytes, from, 1 + random.below(random.once(2) ? 40 : 3000));
    if (!isDeepStrictEqual(parts, whole))
      throw new Error(`in parts ${parts.outcome}, whole ${whole.outcome}`);
    if (isRight && whole.outcome !== 'ok') throw new Error(`right, but ${whole.outcome}`);
    return whole.outcome.split('@')[0] ?? '';
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(`${what}\nfrom a ${from}\n${formatHexText(bytes)}`, { cause: error });
  }
}

/** The words of `from`, all right. */
function connection(random: Random, from: MigrationFrom): Uint8Array {
  const control = new ControlEncoder();
  const encoder = new MigrationEncoder({ account: new MemoryAccount(regions) });
  const parts: Uint8Array[] = [
    control.hello(ownHello(from === 'destination' ? 'destination' : 'source', {}, MIGRATION)),
  ];
  if (from === 'source') parts.push(...encoder.start(streamId));
  if (from === 'source-lane') {
    parts.push(
      control.lane({ purpose: random.pick(lanePurposes), number: 1 + random.below(2 ** 32 - 1), streamId }),
    );
  }
  const hasState = from === 'source' && random.once(2);
  const stateAt = random.below(MAX_FRAMES);
  for (let left = random.below(MAX_FRAMES), at = 0; left > 0; left--, at++) {
    if (hasState && at === stateAt)
      parts.push(...encoder.state({ kind: 'test@1', bytes: new Uint8Array(at) }));
    const word = random.below(from === 'destination' ? 3 : 5);
    if (word >= 3) parts.push(...pages(random, encoder));
    else if (from === 'source-lane')
      parts.push(...encoder.roundMark({ round: at + 1, pages: random.below(2 ** 32) }));
    else if (word === 0) parts.push(control.handOver(handOver(random)));
    else if (word === 1) parts.push(control.resumeBitmap(bitmap(random)));
    else if (from === 'destination') parts.push(control.pageRequest(requested(random)));
    else parts.push(...encoder.roundMark({ round: at + 1, pages: random.below(2 ** 32) }));
  }
  return concat(parts);
}

function pages(random: Random, encoder: MigrationEncoder): Uint8Array[] {
  const { region, firstPage, pageCount } = span(random);
  const isZero = random.once(2);
  const { pageSize } = regions[region]!;
  const bytes = new Uint8Array(isZero ? 0 : pageCount * pageSize).fill(1 + random.below(255));
  return encoder.pages(region, [{ firstPage, pageCount, kind: isZero ? 'zero' : 'data' }], bytes);
}

function span(random: Random): { region: number; firstPage: number; pageCount: number } {
  const { id, sizeBytes, pageSize } = random.pick(regions);
  const firstPage = random.below(sizeBytes / pageSize);
  return { region: id, firstPage, pageCount: 1 + random.below(sizeBytes / pageSize - firstPage) };
}

function handOver(random: Random) {
  const step = random.pick(handOverSteps);
  return {
    step,
    lazy: step === 'offer' && random.once(2),
    digest: Uint32Array.of(random.below(2 ** 32), random.below(2 ** 32)),
    tookUs: step === 'started' ? random.below(2 ** 32) : 0,
    lanes: step === 'offer' ? random.below(17) : 0,
  };
}

function bitmap(random: Random) {
  const place = span(random);
  const bits = new Uint8Array(Math.ceil(place.pageCount / 8)).fill(random.below(256));
  bits[bits.length - 1]! &= 0xff >> (bits.length * 8 - place.pageCount);
  return { ...place, last: random.once(2), bits };
}

function requested(random: Random) {
  return Array.from({ length: 1 + random.below(5) }, () => span(random));
}

interface Reading {
  readonly outcome: string;
  readonly types: readonly string[];
  readonly digest: string;
  readonly missing: number;
}

function read(bytes: Uint8Array, from: MigrationFrom, step: number): Reading {
  const shared = new MemoryAccount(regions);
  const decoder = new MigrationDecoder({ from, limits, ...(from === 'source' ? {} : { account: shared }) });
  const memory = new NaiveMemory(from === 'source' ? [] : regions);
  const types: string[] = [];
  let error: Error | undefined;
  for (let at = 0; at < bytes.length && error === undefined; ) {
    const room = decoder.writable();
    const count = Math.min(step, room.length, bytes.length - at);
    room.set(bytes.subarray(at, at + count));
    at += count;
    const batch = decoder.wrote(count);
    error = batch.error;
    for (const frame of batch.frames) {
      types.push(frame.type);
      expectAsWritten(frame, bytes);
      memory.take(frame);
    }
  }
  try {
    if (error !== undefined) throw error;
    decoder.finish();
  } catch (caught) {
    if (!(caught instanceof PageStreamError)) throw caught;
    error = caught;
  }
  const account = decoder.account;
  const digest = account === undefined ? '' : formatDigest(account.digest);
  // A frame that is refused at its end may have counted: nobody asks any more then.
  if (error === undefined && account !== undefined) {
    if (digest !== memory.digest()) throw new Error(`digest ${digest}, and not ${memory.digest()}`);
    if (account.missingCount !== memory.missing)
      throw new Error(`${account.missingCount} missing, and not ${memory.missing}`);
  }
  const outcome = error instanceof PageStreamError ? `${error.code}@${error.offset}` : 'ok';
  return { outcome, types, digest: error === undefined ? digest : '', missing: memory.missing };
}

function expectAsWritten(frame: MigrationFrame, bytes: Uint8Array): void {
  const written = writtenAgain(frame);
  if (written === undefined) return;
  const payload = bytes.subarray(frame.offset + HEAD_BYTES, frame.offset + HEAD_BYTES + frame.payloadBytes);
  if (Buffer.compare(payload, written) !== 0)
    throw new Error(`${frame.type} at ${frame.offset} would be written otherwise`);
}

/** Of the frames that have one way to be written only. */
function writtenAgain(frame: MigrationFrame): Uint8Array | undefined {
  if (frame.type === 'round') return writeRoundMark(frame);
  if (frame.type === 'hand-over') return writeHandOver(frame);
  if (frame.type === 'page-request') return writePageRequest(frame.requested);
  if (frame.type === 'resume-bitmap') return writeResumeBitmap(frame);
  if (frame.type === 'lane') return writeLane(frame);
  return undefined;
}

/** Page by page, as simple as can be. */
class NaiveMemory {
  #regions: readonly RegionEntry[];
  readonly #pages = new Map<string, Uint8Array>();

  constructor(known: readonly RegionEntry[]) {
    this.#regions = known;
  }

  get missing(): number {
    const all = this.#regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0);
    return all - this.#pages.size;
  }

  take(frame: MigrationFrame): void {
    if (frame.type === 'regions') this.#regions = frame.regions;
    if (frame.type === 'page-request') for (const run of frame.requested) this.#assertWithin(run);
    if (frame.type === 'resume-bitmap') this.#assertWithin(frame);
    if (frame.type !== 'pages') return;
    let at = 0;
    for (const { firstPage, pageCount, kind } of frame.runs) {
      this.#assertWithin({ region: frame.region, firstPage, pageCount });
      const { pageSize } = this.#regions[frame.region]!;
      for (let page = firstPage; page < firstPage + pageCount; page++) {
        const size = kind === 'zero' ? 0 : pageSize;
        const content = kind === 'zero' ? new Uint8Array(pageSize) : frame.bytes.slice(at, at + size);
        at += size;
        this.#pages.set(`${frame.region}:${page}`, content);
      }
    }
  }

  /** Of an image of the same memory, by the encoder of images; what has not come is zeros. */
  digest(): string {
    const encoder = new PageStreamEncoder({ streamId });
    encoder.start(this.#regions);
    encoder.state({ kind: 'test@1', bytes: new Uint8Array() });
    for (const { id, sizeBytes, pageSize } of this.#regions) {
      for (let page = 0; page < sizeBytes / pageSize; page++) {
        const content = this.#pages.get(`${id}:${page}`);
        const kind = content === undefined ? 'zero' : 'data';
        encoder.encodePages(id, [{ firstPage: page, pageCount: 1, kind }], content ?? new Uint8Array());
      }
    }
    encoder.end();
    return formatDigest(encoder.totals.digest);
  }

  #assertWithin({
    region,
    firstPage,
    pageCount,
  }: {
    region: number;
    firstPage: number;
    pageCount: number;
  }): void {
    const entry = this.#regions[region];
    const count = entry === undefined ? 0 : entry.sizeBytes / entry.pageSize;
    if (firstPage + pageCount > count)
      throw new Error(`pages ${firstPage} to ${firstPage + pageCount} of ${count}`);
  }
}
