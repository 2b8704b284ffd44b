import { openImage, type ParentImage, PageStreamEncoder, readIdentity } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { receiveStream, restoreChain, sourceOf } from '../src/index.ts';
import { SimulatedTarget } from '../src/simulated/index.ts';
import { failureOf } from './fixture.ts';

const PAGE = 4096;
const PAGES = 40;
const region = { id: 0, name: 'ram', sizeBytes: PAGES * PAGE, pageSize: PAGE };

interface Layer {
  readonly bytes: Uint8Array;
  readonly image: ParentImage;
}

function encode(memory: Uint8Array, id: number, parent?: ParentImage): Layer {
  const encoder = new PageStreamEncoder({
    streamId: new Uint8Array(16).fill(id),
    chunks: { sameAs: true, ...(parent === undefined ? {} : { parent }) },
  });
  const parts = [
    ...encoder.start([{ ...region, name: `ram-${id}` }]),
    ...encoder.state({ kind: 'test@1', bytes: new Uint8Array([id]) }),
  ];
  for (let page = 0; page < PAGES; page += 8) {
    const run = { firstPage: page, pageCount: 8, kind: 'data' } as const;
    parts.push(...encoder.encodePages(0, [run], memory.slice(page * PAGE, (page + 8) * PAGE)));
  }
  const bytes = Buffer.concat([...parts, ...encoder.end()]);
  const image = openImage((offset, length) => bytes.subarray(offset, offset + length), {
    sizeBytes: bytes.length,
    ...(parent === undefined ? {} : { parent }),
  });
  return { bytes, image };
}

/** Three images in a chain, and the memory that the last one shows. Pages are repeated, become zero, and stop being zero. */
function chainOfThree() {
  const memory = new Uint8Array(PAGES * PAGE);
  for (let page = 0; page < 30; page++) memory.fill(1 + (page % 20), page * PAGE, (page + 1) * PAGE);
  const base = encode(memory, 1);
  memory.fill(0, 4 * PAGE, 9 * PAGE);
  memory.fill(77, 33 * PAGE, 35 * PAGE);
  const middle = encode(memory, 2, base.image);
  memory.fill(0, 33 * PAGE, 34 * PAGE);
  memory[6 * PAGE + 5] = 9;
  const top = encode(memory, 3, middle.image);
  return { memory, layers: [base, middle, top] as const };
}

const { memory, layers } = chainOfThree();

function asLayers(images: readonly { readonly bytes: Uint8Array }[]) {
  return images.map(({ bytes }) => ({
    source: sourceOf([bytes]),
    identity: readIdentity((offset, length) => bytes.subarray(offset, offset + length), {
      sizeBytes: bytes.length,
    }),
  }));
}

describe('restoreChain', () => {
  it('puts layer over layer; zeros of a later layer take the place of what was there', async () => {
    const target = new SimulatedTarget();
    const run = restoreChain({ layers: asLayers(layers), target });
    const summary = await run.result;
    expect(Buffer.compare(target.memory[0]!, memory)).toBe(0);
    expect(target.steps).toEqual(['allocate', 'writeState', 'commit']);
    expect(target.state).toEqual({ kind: 'test@1', bytes: new Uint8Array([3]) });
    expect(target.regions[0]!.name).toBe('ram-3');
    expect(target.streamId).toEqual(new Uint8Array(16).fill(3));
    expect(summary.streamId).toBe('03'.repeat(16));
    expect(summary.bytes).toBe(layers.reduce((sum, { bytes }) => sum + bytes.length, 0));
    expect(run.progress()).toMatchObject({ pages: PAGES, receivedPages: PAGES });
  });

  it('takes a chain of one', async () => {
    const target = new SimulatedTarget();
    await restoreChain({ layers: asLayers(layers.slice(0, 1)), target }).result;
    expect(target.isCommitted).toBe(true);
  });

  it.for([0, 1, 2])('is damaged when layer %i is', async (damaged) => {
    const images = layers.map(({ bytes }) => ({ bytes: new Uint8Array(bytes) }));
    const { bytes } = images[damaged]!;
    bytes[bytes.length - 72 - 8]! ^= 1;
    const target = new SimulatedTarget();
    const failure = await failureOf(restoreChain({ layers: asLayers(images), target }).result);
    expect(failure).toMatchObject({
      code: 'corrupt-stream',
      operands: { streamCode: 'STREAM_PAYLOAD_CRC' },
    });
    expect(target.isCommitted).toBe(false);
  });

  it('refuses a layer that is not what the next one builds on', async () => {
    const other = encode(memory, 1);
    const chain = [other, ...layers.slice(1)];
    const target = new SimulatedTarget();
    const failure = await failureOf(restoreChain({ layers: asLayers(chain), target }).result);
    expect(failure).toMatchObject({ code: 'corrupt-stream', operands: { streamCode: 'STREAM_PARENT' } });
    expect(target.isCommitted).toBe(false);
  });

  it('needs a target that reads back, and layers', () => {
    const target = new SimulatedTarget();
    expect(() => restoreChain({ layers: [], target })).toThrow(RangeError);
    const blind = Object.assign(new SimulatedTarget(), { readPages: undefined });
    expect(() => restoreChain({ layers: asLayers(layers), target: blind })).toThrow(TypeError);
  });
});

describe('receiveStream with a parent', () => {
  it('copies what did not change, and counts it', async () => {
    const target = new SimulatedTarget();
    const run = receiveStream({
      source: sourceOf([layers[2].bytes]),
      target,
      parent: layers[1].image,
    });
    await run.result;
    expect(Buffer.compare(target.memory[0]!, memory)).toBe(0);
    expect(run.progress().receivedPages).toBe(PAGES);
  });

  it('refuses an increment when there is no parent, or another one', async () => {
    const alone = receiveStream({ source: sourceOf([layers[2].bytes]), target: new SimulatedTarget() });
    expect(await failureOf(alone.result)).toMatchObject({ code: 'version-mismatch' });
    const wrong = receiveStream({
      source: sourceOf([layers[2].bytes]),
      target: new SimulatedTarget(),
      parent: layers[0].image,
    });
    expect(await failureOf(wrong.result)).toMatchObject({
      code: 'corrupt-stream',
      operands: { streamCode: 'STREAM_PARENT' },
    });
  });
});
