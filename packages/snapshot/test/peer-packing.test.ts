import {
  ControlEncoder,
  type EndFrame,
  featureNames,
  features,
  type HeaderFrame,
  openImage,
  ownHello,
  PageStreamDecoder,
} from '@stillframe/page-stream';
import { expect, it } from 'vitest';
import type { Transport } from '../src/index.ts';
import { SimulatedPacker } from '../src/simulated/index.ts';
import { harmTo, failureOf, memoryDifference, smallGuest, snapshotOptions, TestSink } from './fixture.ts';
import { setUp } from './peer-stage.ts';
import { takeSnapshot } from '../src/index.ts';

const COMPRESSED = { packer: new SimulatedPacker(), compression: { method: 'lz4' }, index: true } as const;

/** A destination that says what it reads, takes an image, and confirms it; what the image asks of its reader. */
async function readAs(
  transport: Transport,
  readable: number,
): Promise<{ required: string[]; stored: boolean }> {
  const control = new ControlEncoder();
  await transport.write([control.hello(ownHello('destination', {}, readable))]);
  const decoder = new PageStreamDecoder({ from: 'source' });
  const buffer = new Uint8Array(4096);
  let header: HeaderFrame | undefined;
  let end: EndFrame | undefined;
  let stored = false;
  while (end === undefined) {
    // oxlint-disable-next-line no-await-in-loop -- to the end
    const byteCount = await transport.read(buffer);
    for (const frame of decoder.push(buffer.slice(0, byteCount))) {
      if (frame.type === 'header') header = frame;
      if (frame.type === 'pages') stored ||= frame.stored !== undefined;
      if (frame.type === 'end') end = frame;
    }
  }
  const verdict = { outcome: 'done', digestVerified: true, oracleVerified: false, message: '' } as const;
  await transport.write([control.ack({ ...verdict, digest: end.digest })]);
  return { required: featureNames(header?.requiredFeatures ?? 0), stored };
}

it('a destination gets a compressed image', async () => {
  const { guest, target, send, receive } = setUp();
  const [sent, received] = await Promise.all([send({ chunks: COMPRESSED }), receive()]);
  expect(memoryDifference(target.memory, guest.memoryAtCut)).toBe('');
  expect(received).toMatchObject({ acknowledged: true, digest: sent.digest });
  expect(sent.packing).toMatchObject({ compression: 'lz4' });
  expect(sent.packing.ratio).toBeGreaterThan(10);
  expect(COMPRESSED.packer.lent).toBe(0);
});

it.each([
  [0, [], false, 'none'],
  [features.CHUNKS, ['CHUNKS'], true, 'none'],
  [features.CHUNKS | features.LZ4, ['CHUNKS', 'LZ4'], true, 'lz4'],
] as const)(
  'one that reads the features %i gets no others',
  async (readable, required, stored, compression) => {
    const { guest, connection, send } = setUp();
    const chunks = { ...COMPRESSED, sameAs: true };
    const sending = send({ chunks });
    expect(await readAs(connection.destination, readable)).toEqual({ required, stored });
    expect((await sending).packing.compression).toBe(compression);
    expect(await harmTo(guest)).toEqual([]);
  },
);

it('one without the parent gets no increment, and the guest is not touched', async () => {
  const { guest: before, clock } = smallGuest();
  const sink = new TestSink();
  await takeSnapshot(snapshotOptions(before, sink, { clock })).result;
  const bytes = sink.image()!;
  const readAt = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  const parent = openImage(readAt, { sizeBytes: bytes.length });
  const { guest, send, receive } = setUp();
  const receiving = failureOf(receive());
  expect((await failureOf(send({ chunks: { parent } }))).code).toBe('version-mismatch');
  expect((await receiving).code).toBe('version-mismatch');
  expect(guest.steps).toEqual([]);
});
