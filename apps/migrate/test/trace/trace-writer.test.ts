import { Barrier } from '@stillframe/snapshot/simulated';
import { expect, test } from 'vitest';
import { type TraceFile, TraceWriter } from '../../src/trace/trace-writer.ts';

/** A file that keeps what is written, and writes only when it is let. */
class TestFile implements TraceFile {
  text = '';
  closed = 0;
  mostAtOnce = Number.POSITIVE_INFINITY;
  failure: Error | undefined;
  closeFailure: Error | undefined;
  gate: Promise<void> | undefined;
  reached: (() => void) | undefined;

  async write(bytes: Buffer): Promise<{ bytesWritten: number }> {
    this.reached?.();
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    const part = bytes.subarray(0, this.mostAtOnce);
    this.text += part.toString('latin1');
    return { bytesWritten: part.byteLength };
  }

  async close(): Promise<void> {
    this.closed += 1;
    if (this.closeFailure !== undefined) throw this.closeFailure;
  }

  get lines(): unknown[] {
    return this.text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): unknown => JSON.parse(line));
  }
}

function writing(pendingMaxBytes?: number) {
  const file = new TestFile();
  const failures: unknown[] = [];
  const onFailure = (error: unknown) => failures.push(error);
  const writer = new TraceWriter({
    file,
    onFailure,
    ...(pendingMaxBytes === undefined ? {} : { pendingMaxBytes }),
  });
  return { file, writer, failures };
}

const line = (n: number) => ({ n, fill: 'x'.repeat(88 - String(n).length) });
const LINE_BYTES = JSON.stringify(line(0)).length + 1;

test('lines come out in order, the last one behind them, and the file is closed once', async () => {
  const { file, writer, failures } = writing();
  for (let n = 0; n < 5000; n++) writer.line(line(n));
  await writer.end({ last: true });
  expect(file.lines).toEqual([...Array.from({ length: 5000 }, (_, n) => line(n)), { last: true }]);
  expect(file.closed).toBe(1);
  expect(failures).toEqual([]);
});

test('a file that takes a few bytes at a time gets all of them', async () => {
  const { file, writer } = writing();
  file.mostAtOnce = 7;
  for (let n = 0; n < 20; n++) writer.line(line(n));
  await writer.end();
  expect(file.lines).toHaveLength(20);
});

test('many lines are one write', async () => {
  const { file, writer } = writing();
  let writes = 0;
  file.reached = () => {
    writes += 1;
  };
  for (let n = 0; n < 600; n++) writer.line(line(n));
  await writer.end();
  expect(writes).toBeLessThanOrEqual(2);
});

test('lines reach the file before the end', async () => {
  const { file, writer } = writing();
  const reached = new Barrier();
  file.reached = () => reached.lift();
  // The timer of the writer alone keeps no process alive, so this one has to.
  const alive = setInterval(() => undefined, 1000);
  writer.line(line(0));
  await reached.lifted;
  clearInterval(alive);
  expect(file.closed).toBe(0);
  await writer.end();
});

test('as much as allowed waits for a slow disk; the rest is left out, counted, and told where it is missing', async () => {
  const { file, writer, failures } = writing(1000 * LINE_BYTES);
  const gate = new Barrier();
  file.gate = gate.lifted;
  for (let n = 0; n < 1500; n++) writer.line(line(n));
  expect(writer.skipped).toBe(500);
  gate.lift();
  // All that waits is out when the writer has room again.
  await new Promise<void>((resolve) => {
    const look = () => (file.lines.length === 1000 ? resolve() : setImmediate(look));
    look();
  });
  writer.line(line(1500));
  await writer.end({ last: true });
  expect(file.lines.slice(999)).toEqual([line(999), { type: 'gap', steps: 500 }, line(1500), { last: true }]);
  expect(failures).toEqual([]);
});

test('what is missing at the end is told, too', async () => {
  const { file, writer } = writing(10 * LINE_BYTES);
  for (let n = 0; n < 12; n++) writer.line(line(n));
  await writer.end({ last: true });
  expect(file.lines.slice(9)).toEqual([line(9), { type: 'gap', steps: 2 }, { last: true }]);
});

test('a disk that fails is told once, and nothing is thrown or kept', async () => {
  const { file, writer, failures } = writing();
  file.failure = new Error('disk full');
  for (let n = 0; n < 5000; n++) writer.line(line(n));
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  for (let n = 0; n < 5000; n++) writer.line(line(n));
  await writer.end({ last: true });
  expect(failures).toEqual([file.failure]);
  expect(file.text).toBe('');
  expect(file.closed).toBe(1);
});

test('a file that cannot be closed is told', async () => {
  const { file, writer, failures } = writing();
  file.closeFailure = new Error('stale file handle');
  writer.line(line(0));
  await writer.end();
  expect(failures).toEqual([file.closeFailure]);
});
