import { describe, expect, it } from 'vitest';
import type { Slab } from '../src/index.ts';
import { Output } from '../src/output.ts';
import { Barrier, simulatedClock } from '../src/simulated/index.ts';
import { SinkMeter } from '../src/sink-meter.ts';
import { type Batch, WritePipeline } from '../src/write-pipeline.ts';
import { TestSink } from './fixture.ts';

function slab(onRelease: () => void): Slab {
  return {
    region: 0,
    runs: [],
    bytes: new Uint8Array(1),
    cause: 'sweep',
    heldSinceNs: 0,
    release: onRelease,
  };
}

function setUp(onTaken: (batch: Batch) => void = () => {}) {
  const sink = new TestSink();
  const events: string[] = [];
  const pipeline = new WritePipeline(new Output(sink, new SinkMeter(simulatedClock())), onTaken);
  const push = (name: string) => {
    const bytes = new TextEncoder().encode(name);
    const slabs = [slab(() => events.push(`release ${name}`))];
    pipeline.push({ iovecs: [bytes], bytes: bytes.byteLength, slabs });
  };
  return { sink, events, pipeline, push };
}

describe('a write pipeline', () => {
  it('writes one batch after the other, and releases each before the next begins', async () => {
    const { sink, events, pipeline, push } = setUp();
    sink.onWrite = async (index) => {
      events.push(`write ${index}`);
      await Promise.resolve();
    };
    push('a');
    push('b');
    expect(pipeline.length).toBe(2);
    await pipeline.next;
    expect(pipeline.length).toBe(1);
    await pipeline.next;
    expect(events).toEqual(['write 0', 'release a', 'write 1', 'release b']);
    await expect(pipeline.next).resolves.toBeUndefined();
  });

  it('remembers a failure that nobody waited for', async () => {
    const { pipeline, push } = setUp(() => {
      throw new Error('a bad step');
    });
    push('a');
    const taken = pipeline.next;
    await expect(taken).rejects.toThrow('a bad step');
    // The batch itself is out of the line.
    expect(pipeline.length).toBe(0);
    await expect(pipeline.next).resolves.toBeUndefined();
    expect(() => pipeline.check()).toThrow('a bad step');
  });

  it('writes nothing after a failed write, and gives the slabs back when told', async () => {
    const { sink, events, pipeline, push } = setUp();
    const reached = new Barrier();
    sink.onWrite = async () => {
      await reached.lifted;
      throw new Error('disk full');
    };
    push('a');
    push('b');
    reached.lift();
    await expect(pipeline.next).rejects.toMatchObject({ code: 'sink-failed' });
    await Promise.resolve();
    expect(sink.writes).toBe(1);
    expect(events).toEqual([]);
    expect(() => pipeline.check()).toThrow('disk full');
    await pipeline.abandon();
    expect(events).toEqual(['release a', 'release b']);
    expect(pipeline.length).toBe(0);
  });
});
