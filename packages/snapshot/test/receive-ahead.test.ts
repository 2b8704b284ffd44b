import { setImmediate as turn } from 'node:timers/promises';
import { type ChunkOptions, PageStreamEncoder } from '@stillframe/page-stream';
import { expect, it } from 'vitest';
import { type ByteSource, receiveStream } from '../src/index.ts';
import { SimulatedTarget } from '../src/simulated/index.ts';

const PAGE = 4096;
const PAGES = 256;
const memory = new Uint8Array(PAGES * PAGE).map((_, at) => (at >> 12) % 50 || at & 0xff);

function encode(slabPages: number, chunks?: ChunkOptions): Uint8Array {
  const encoder = new PageStreamEncoder({
    streamId: new Uint8Array(16),
    ...(chunks === undefined ? {} : { chunks }),
  });
  const parts = [
    ...encoder.start([{ id: 0, name: 'ram', sizeBytes: memory.length, pageSize: PAGE }]),
    ...encoder.state({ kind: 'none', bytes: new Uint8Array(100_000).fill(7) }),
  ];
  for (let page = 0; page < PAGES; page += slabPages) {
    const run = { firstPage: page, pageCount: slabPages, kind: 'data' } as const;
    parts.push(...encoder.encodePages(0, [run], memory.slice(page * PAGE, (page + slabPages) * PAGE)));
  }
  return Buffer.concat([...parts, ...encoder.end()]);
}

/** Writes to all of `into` before it has anything, as a read that is under way may. */
function restless(stream: Uint8Array, partBytes: number): ByteSource & { reads: number } {
  let at = 0;
  return {
    reads: 0,
    async read(into) {
      this.reads += 1;
      into.fill(0xee);
      await turn();
      const part = stream.subarray(at, at + Math.min(partBytes, into.length));
      into.set(part);
      at += part.length;
      return part.length;
    },
  };
}

/** Looks at what it was lent only after others had a turn. */
class SlowTarget extends SimulatedTarget {
  override async writePages(...[region, runs, bytes]: Parameters<SimulatedTarget['writePages']>) {
    await turn();
    await turn();
    await super.writePages(region, runs, bytes);
  }
}

it.for([
  ['many small frames', encode(1), 1_000_000],
  ['small frames in small parts', encode(1), 5000],
  ['large frames', encode(64), 1_000_000],
  ['chunks', encode(64, {}), 1_000_000],
  ['chunks in small parts', encode(16, {}), 3000],
  ['pages that are the same as earlier ones', encode(16, { sameAs: true }), 1_000_000],
] as const)('what is lent is not touched by reading ahead: %s', async ([, stream, partBytes]) => {
  const target = new SlowTarget();
  await receiveStream({ source: restless(stream, partBytes), target }).result;
  expect(Buffer.compare(target.memory[0]!, memory)).toBe(0);
  expect(target.state?.bytes).toEqual(new Uint8Array(100_000).fill(7));
});

it('the next bytes are asked for while a frame is in use', async () => {
  const source = restless(encode(64), 1_000_000);
  const readsAtWrite: number[] = [];
  const target = new SimulatedTarget({
    before: (step) => {
      if (step === 'writePages') readsAtWrite.push(source.reads);
    },
  });
  await receiveStream({ source, target }).result;
  const [first, ...rest] = readsAtWrite;
  // Each frame comes with a read of its own, and the one behind it is under way.
  expect(rest.map((reads, index) => reads - first! - index)).toEqual(rest.map(() => 1));
});

it('a failure of a read ahead is that of the receipt, after what came before it', async () => {
  const stream = encode(64);
  let at = 0;
  const target = new SlowTarget();
  const source: ByteSource = {
    async read(into) {
      if (at > stream.length / 2) throw new Error('the disk is gone');
      const part = stream.subarray(at, at + into.length);
      into.set(part);
      at += part.length;
      return part.length;
    },
  };
  await expect(receiveStream({ source, target }).result).rejects.toMatchObject({ code: 'source-failed' });
});
