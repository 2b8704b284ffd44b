import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  readTrace,
  TRACE_LINE_MAX_BYTES,
  type TraceEntry,
  type TraceHeader,
  type TraceStep,
} from '../../src/trace/index.ts';
import { collect } from '../fixture.ts';

const header: TraceHeader = {
  type: 'header',
  format: 'stillframe-trace',
  version: 1,
  startedAt: '2026-11-24T12:15:22.661Z',
  limiter: { name: 'none', setting: 'none', directory: '/' },
  pageSize: 4096,
  pageCount: 16,
  regions: [{ name: 'heap', sizeBytes: 65536, pageSize: 4096 }],
  capture: { preImagesMaxBytes: 1024, overflow: 'spill' },
  guest: { workload: 'counter' },
};

const step: TraceStep = {
  type: 'step',
  limiter: 'none',
  began: { by: 'initial', atNs: 5, setting: { name: 'none' }, directory: '/' },
  observation: {
    nowNs: 5,
    faults: 0,
    lastFaultReadNs: 0,
    faultWait: { p50Ns: 0, p99Ns: 0, maxNs: 0 },
    sweptPages: 0,
    sink: { longestWriteNs: 1.5, backlogBytes: 0, drainBytesPerSecond: 1e9 / 3 },
    preImages: { bytes: 0, maxBytes: 1024 },
    pagesLeft: 16,
    bytesLeft: 65536,
    pageSize: 4096,
  },
  grant: { pages: 16, notBeforeNs: 5, wakeOnFault: false },
};
const { began: _began, ...later } = step;
const end = { type: 'end', outcome: 'done', steps: 3, missing: 1 } as const;

async function* bytesOf(...lines: readonly (object | string)[]): AsyncGenerator<Uint8Array> {
  const text = lines.map((line) => (typeof line === 'string' ? line : `${JSON.stringify(line)}\n`)).join('');
  // In pieces, as a file comes.
  for (let at = 0; at < text.length; at += 1000) yield Buffer.from(text.slice(at, at + 1000));
}

async function entriesOf(...lines: readonly (object | string)[]): Promise<TraceEntry[]> {
  const entries: TraceEntry[] = [];
  for await (const entry of (await readTrace(bytesOf(header, ...lines))).entries) entries.push(entry);
  return entries;
}

test('what was written is read', async () => {
  const gap = { type: 'gap', steps: 1 } as const;
  const held = { ...later, isHeld: true } as const;
  expect((await readTrace(bytesOf(header, end))).header).toEqual(header);
  expect(await entriesOf(step, gap, held, end)).toEqual([step, gap, held, end]);
});

test('a stream of a file is read', async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'stillframe-trace-')), 'trace.jsonl');
  onTestFinished(() => rmSync(path.dirname(file), { recursive: true }));
  writeFileSync(file, [header, step, end].map((line) => `${JSON.stringify(line)}\n`).join(''));
  const { entries } = await readTrace(createReadStream(file));
  expect(await collect(entries)).toEqual([step, end]);
  await expect(readTrace(createReadStream(`${file}.not`))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('types and fields that come later are passed over', async () => {
  const more = { ...later, more: 1, observation: { ...later.observation, more: 2 } };
  expect(await entriesOf({ type: 'weather', is: 'fine' }, more, end)).toEqual([more, end]);
});

test('what comes behind the end is not read', async () => {
  expect(await entriesOf(end, 'rubbish\n')).toEqual([end]);
});

test.for<[string, readonly (object | string)[], string]>([
  ['nothing', [], 'TRACE_FORMAT'],
  ['no JSON', ['MZ\u0000\n'], 'TRACE_FORMAT'],
  ['JSON of another kind', [{ type: 'header', format: 'har' }], 'TRACE_FORMAT'],
  ['a number', ['5\n'], 'TRACE_FORMAT'],
  ['a later version', [{ ...header, version: 2 }], 'TRACE_VERSION'],
  ['no version', [{ ...header, version: undefined }], 'TRACE_VERSION'],
  ['a header without a page size', [{ ...header, pageSize: undefined }], 'TRACE_LINE'],
  ['a first line that does not end', ['x'.repeat(TRACE_LINE_MAX_BYTES + 1)], 'TRACE_LINE'],
])('%s is refused: %s', async ([, lines, code]) => {
  await expect(readTrace(bytesOf(...lines))).rejects.toMatchObject({
    code,
    line: 1,
    hint: expect.stringMatching(/.+/),
  });
});

const { observation, grant } = later;
test.for<[string, object | string]>([
  ['no JSON', '{"type":"step"\n'],
  ['no type', {}],
  ['null', 'null\n'],
  ['a step without an observation', { ...later, observation: undefined }],
  ['a time that is no number', { ...later, observation: { ...observation, nowNs: 'soon' } }],
  ['a time that is null, as JSON writes NaN', { ...later, observation: { ...observation, nowNs: null } }],
  ['a negative count', { ...later, observation: { ...observation, faults: -1 } }],
  ['half a page', { ...later, grant: { ...grant, pages: 0.5 } }],
  ['a reason that is no text', { ...later, grant: { ...grant, reason: 5 } }],
  ['a beginning by magic', { ...step, began: { ...step.began, by: 'magic' } }],
  ['a gap of no size', { type: 'gap' }],
])('a line with %s is refused, with its number', async ([, line]) => {
  await expect(entriesOf(step, line, end)).rejects.toMatchObject({ code: 'TRACE_LINE', line: 3 });
});

/** A step whose line has so many bytes. */
function padded(bytes: number): object {
  const bare = JSON.stringify({ ...later, pad: '' }).length;
  return { ...later, pad: 'x'.repeat(bytes - bare) };
}

test('a line as long as allowed is read, a longer one refused', async () => {
  expect(await entriesOf(padded(TRACE_LINE_MAX_BYTES), end)).toHaveLength(2);
  await expect(entriesOf(padded(TRACE_LINE_MAX_BYTES + 1), end)).rejects.toMatchObject({
    code: 'TRACE_LINE',
    line: 2,
  });
});

test.for<[string, readonly (object | string)[]]>([
  ['after a step', [step]],
  ['in the middle of a line', [step, '{"type":"st']],
])('a trace that breaks off %s gives what it has, then says so', async ([, lines]) => {
  const entries: TraceEntry[] = [];
  const reading = (async () => {
    for await (const entry of (await readTrace(bytesOf(header, ...lines))).entries) entries.push(entry);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'TRACE_TRUNCATED', line: 2 });
  expect(entries).toEqual([step]);
});
