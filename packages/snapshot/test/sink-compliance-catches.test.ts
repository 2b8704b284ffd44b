import { describe, expect, it } from 'vitest';
import { type ComplianceCase, sinkCompliance } from '../src/compliance/index.ts';
import { memorySink, type Sink } from '../src/index.ts';
import { caughtBy, wrap } from './caught-by.ts';

interface SinkDefect {
  readonly name: string;
  readonly caughtBy: string;
  readonly spoil: (sink: Sink & { image(): Uint8Array | undefined }) => void;
}

const sinkDefects: readonly SinkDefect[] = [
  {
    name: 'buffers in another order',
    caughtBy: 'all bytes come, in order',
    spoil: (sink) => wrap(sink, 'write', (write) => (iovecs) => write(iovecs.toReversed())),
  },
  {
    name: 'only what one writev takes',
    caughtBy: 'more buffers than one system call takes',
    spoil: (sink) => wrap(sink, 'write', (write) => (iovecs) => write(iovecs.slice(0, 1024))),
  },
  {
    name: 'short writes',
    caughtBy: 'more bytes than one system call takes',
    spoil: (sink) =>
      wrap(sink, 'write', (write) => (iovecs) => write(iovecs.map((iovec) => iovec.subarray(0, 2 ** 23)))),
  },
  {
    name: 'whole buffers instead of views',
    caughtBy: 'views at odd offsets',
    spoil: (sink) =>
      wrap(sink, 'write', (write) => (iovecs) => write(iovecs.map(({ buffer }) => new Uint8Array(buffer)))),
  },
  {
    name: 'buffers that are read after the write',
    caughtBy: 'buffers may be reused once write has resolved',
    spoil: (sink) => {
      const late: Uint8Array[] = [];
      wrap(sink, 'write', (write) => async (iovecs) => {
        await write([]);
        late.push(...iovecs);
      });
      const early = memorySink({ maxBytes: 2 ** 26 });
      wrap(sink, 'end', (end) => async () => {
        await end();
        await early.write(late);
        await early.end();
      });
      wrap(sink, 'image', (image) => () => (image() === undefined ? undefined : early.image()));
    },
  },
  {
    name: 'an image before the end',
    caughtBy: 'nothing is complete before end',
    spoil: (sink) => wrap(sink, 'image', (image) => () => image() ?? new Uint8Array(0)),
  },
  {
    name: 'an image in spite of an abort',
    caughtBy: 'abort leaves nothing',
    spoil: (sink) => wrap(sink, 'abort', () => () => sink.end()),
  },
  {
    name: 'an abort that takes a complete image away',
    caughtBy: 'abort after end does nothing',
    spoil: (sink) => {
      let isAborted = false;
      wrap(sink, 'abort', () => async () => {
        isAborted = true;
      });
      wrap(sink, 'image', (image) => () => (isAborted ? undefined : image()));
    },
  },
  {
    name: 'an abort that works once',
    caughtBy: 'abort twice is once',
    spoil: (sink) => {
      let aborts = 0;
      wrap(sink, 'abort', (abort) => async (reason) => {
        if (aborts++ > 0) throw new Error('aborted');
        await abort(reason);
      });
    },
  },
  {
    name: 'a write that an abort leaves hanging',
    caughtBy: 'abort settles a write that is going on',
    spoil: (sink) => wrap(sink, 'write', () => () => new Promise(() => {})),
  },
  {
    name: 'writes after an abort',
    caughtBy: 'write and end after abort fail',
    spoil: (sink) => wrap(sink, 'write', () => async () => {}),
  },
];

function spoiltSink(spoil: SinkDefect['spoil']): ComplianceCase[] {
  return sinkCompliance({
    makeSink: async () => {
      const sink = memorySink({ maxBytes: 2 ** 25 });
      spoil(sink);
      return { sink, image: async () => sink.image(), [Symbol.asyncDispose]: async () => {} };
    },
  });
}

describe('the compliance suite of sinks catches', () => {
  it.for(sinkDefects)('$name', async ({ caughtBy: expected, spoil }) => {
    expect(await caughtBy(spoiltSink(spoil).filter(({ name }) => name === expected))).toEqual([expected]);
  });
});
