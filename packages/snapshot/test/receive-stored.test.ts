import { openImage, type ParentImage, PageStreamEncoder } from '@stillframe/page-stream';
import { expect, it } from 'vitest';
import { receiveStream, sourceOf, type Target } from '../src/index.ts';
import { failureOf } from './fixture.ts';

const PAGE = 4096;
const region = { id: 0, name: 'ram', sizeBytes: 16 * PAGE, pageSize: PAGE };

function encode(memory: Uint8Array, parent?: ParentImage): Uint8Array {
  const encoder = new PageStreamEncoder({
    streamId: new Uint8Array(16).fill(parent === undefined ? 1 : 2),
    chunks: { index: true, ...(parent === undefined ? {} : { parent }) },
  });
  return new Uint8Array(
    Buffer.concat([
      ...encoder.start([region]),
      ...encoder.state({ kind: 'test@1', bytes: new Uint8Array(100_000).fill(4) }),
      ...encoder.encodePages(0, [{ firstPage: 0, pageCount: 16, kind: 'data' }], memory),
      ...encoder.end(),
    ]),
  );
}

/** Keeps frames as they come; says so when it is asked for anything else. */
class StoringTarget implements Target {
  readonly frames: Uint8Array[] = [];
  readonly steps: string[] = [];
  failAt = Number.POSITIVE_INFINITY;

  async allocate(): Promise<void> {
    this.steps.push('allocate');
  }
  async writeState(): Promise<void> {
    this.steps.push('writeState');
  }
  async writePages(): Promise<void> {
    this.steps.push('writePages');
  }
  async writeFrame(frame: Uint8Array): Promise<void> {
    if (this.frames.length === this.failAt) throw new Error('the disk is full');
    this.frames.push(frame.slice());
  }
  async commit(): Promise<void> {
    this.steps.push('commit');
  }
  async discard(): Promise<void> {
    this.steps.push('discard');
  }
}

const memory = new Uint8Array(16 * PAGE).map((_, at) => at >> 9);
const full = encode(memory);
const parent = openImage((offset, length) => full.subarray(offset, offset + length), {
  sizeBytes: full.length,
});
const increment = encode(
  memory.map((byte, at) => (at < PAGE ? byte ^ 1 : byte)),
  parent,
);

it.for([
  ['a full image', full, undefined],
  ['an increment', increment, parent],
] as const)('stores %s byte for byte, with its index', async ([, image, builtOn]) => {
  const target = new StoringTarget();
  const run = receiveStream({
    source: sourceOf([image.subarray(0, 70_000), image.subarray(70_000)]),
    target,
    ...(builtOn === undefined ? {} : { parent: builtOn }),
  });
  const summary = await run.result;
  expect(Buffer.compare(Buffer.concat(target.frames), image)).toBe(0);
  expect(target.steps).toEqual(['allocate', 'commit']);
  expect(summary).toMatchObject({ pages: 16, stateKind: 'test@1', bytes: image.length });
  expect(run.progress().receivedPages).toBe(16);
});

it('is discarded when a frame is not taken, or is damaged', async () => {
  const target = new StoringTarget();
  target.failAt = 3;
  const failure = await failureOf(receiveStream({ source: sourceOf([full]), target }).result);
  expect(failure).toMatchObject({ code: 'target-failed', operands: { step: 'target.writeFrame' } });
  expect(target.steps.at(-1)).toBe('discard');

  const damaged = new StoringTarget();
  const bytes = full.slice();
  bytes[bytes.length - 40]! ^= 1;
  await failureOf(receiveStream({ source: sourceOf([bytes]), target: damaged }).result);
  expect(damaged.steps.at(-1)).toBe('discard');
});
