import { PageStreamEncoder } from '@stillframe/page-stream';
import type { Target } from '@stillframe/snapshot';
import { expect, test } from 'vitest';
import { inProcessCodec, targetSink } from '../../src/io/target-sink.ts';

const PAGE_BYTES = 4096;

/** A target that says what it is told, and keeps the last page. */
function keepingTarget(failsAt?: string) {
  const calls: string[] = [];
  const kept = { page: new Uint8Array(0) };
  const step = async (name: string) => {
    calls.push(name);
    if (name === failsAt) throw new Error(`no ${name}`);
  };
  const target: Target = {
    allocate: async (regions, streamId) => step(`allocate ${regions.length} ${streamId[0]}`),
    writeState: async ({ kind, bytes }) => step(`state ${kind} ${bytes.byteLength}`),
    async writePages(region, runs, bytes) {
      kept.page = bytes.slice(0, PAGE_BYTES);
      await step(`pages ${region} ${runs.map(({ kind, pageCount }) => `${kind} ${pageCount}`).join(' ')}`);
    },
    commit: () => step('commit'),
    discard: () => step('discard'),
  };
  return { target, calls, kept };
}

/** An image of three pages, the last one zero, in pieces as a snapshot writes them. */
function image(): Uint8Array[] {
  const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16).fill(9), codec: inProcessCodec });
  const pages = new Uint8Array(3 * PAGE_BYTES).fill(0xa5, 0, 2 * PAGE_BYTES);
  return [
    ...encoder.start([{ id: 0, name: 'memory', sizeBytes: pages.byteLength, pageSize: PAGE_BYTES }]),
    ...encoder.state({ kind: 'test@1', bytes: new Uint8Array(100) }),
    ...encoder.encodePages(0, [{ firstPage: 0, pageCount: 3, kind: 'data' }], pages),
    ...encoder.end(),
  ];
}

const ALL = ['allocate 1 9', 'state test@1 100', 'pages 0 data 2 zero 1', 'commit'];

test('the target gets regions, state and pages, and is committed at the end', async () => {
  const { target, calls, kept } = keepingTarget();
  const sink = targetSink(target);
  await sink.write(image());
  expect(calls).toEqual(ALL.slice(0, 3));
  await sink.end();
  await sink.abort(new Error('too late'));
  expect(calls.slice(0, 4)).toEqual(ALL);
  expect(kept.page).toEqual(new Uint8Array(PAGE_BYTES).fill(0xa5));
});

test('pieces of any size will do', async () => {
  const { target, calls } = keepingTarget();
  const sink = targetSink(target);
  const whole = Buffer.concat(image());
  for (let at = 0; at < whole.byteLength; at += 1000) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await sink.write([whole.subarray(at, at + 300), whole.subarray(at + 300, at + 1000)]);
  }
  await sink.end();
  expect(calls).toEqual(ALL);
});

test.for(ALL)('%s fails: so does the sink, and the target is told to discard', async (step) => {
  const { target, calls } = keepingTarget(step);
  const sink = targetSink(target);
  const run = async () => {
    await sink.write(image());
    await sink.end();
  };
  await expect(run()).rejects.toThrow(`no ${step}`);
  await sink.abort(new Error('given up'));
  expect(calls.at(-1)).toBe('discard');
});

test('an image that is cut short is not committed', async () => {
  const { target, calls } = keepingTarget();
  const sink = targetSink(target);
  await sink.write(image().slice(0, -1));
  await expect(sink.end()).rejects.toMatchObject({ code: 'STREAM_TRUNCATED' });
  await sink.abort(new Error('given up'));
  expect(calls).toEqual([...ALL.slice(0, 3), 'discard']);
  await expect(sink.write([])).rejects.toThrow('aborted');
});
