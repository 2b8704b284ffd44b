import type { Sink } from '../sink.ts';
import { type ComplianceCase, check, checkBytes, checkRejects, complianceCase } from './case.ts';

/** A fresh sink and a look at what it made. */
export interface SinkUnderTest extends AsyncDisposable {
  readonly sink: Sink;
  /** What is where a complete image belongs: undefined while there is nothing. */
  readonly image: () => Promise<Uint8Array | undefined>;
}

export interface SinkComplianceOptions {
  readonly makeSink: () => Promise<SinkUnderTest>;
  /** Why this sink has no image to look at. */
  readonly cannotShow?: string;
}

/** More than the kernel takes in one writev (IOV_MAX is 1024). */
const MANY_IOVECS = 3000;

/** More than a socket buffer or one write of a file takes at once. */
const LARGE_BYTES = 9 * 1024 * 1024 + 13;

function pattern(sizeBytes: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let index = 0; index < sizeBytes; index++) bytes[index] = index * 31 + seed * 97 + (index >> 8);
  return bytes;
}

async function checkImage({ image }: SinkUnderTest, expected: readonly Uint8Array[]): Promise<void> {
  const actual = await image();
  check(actual !== undefined, 'there is no image after end');
  const whole = new Uint8Array(expected.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of expected) {
    whole.set(part, at);
    at += part.byteLength;
  }
  checkBytes(actual, whole, 'the image');
}

async function checkNoImage({ image }: SinkUnderTest): Promise<void> {
  check((await image()) === undefined, 'there is an image, but the sink was not ended');
}

/** Cases that look at the image; the others do without. */
const imageCases: Readonly<Record<string, (underTest: SinkUnderTest) => Promise<void>>> = {
  'all bytes come, in order': async (underTest) => {
    const parts = [1, 4096, 0, 77].map(pattern);
    await underTest.sink.write(parts.slice(0, 2));
    await underTest.sink.write(parts.slice(2));
    await underTest.sink.end();
    await checkImage(underTest, parts);
  },

  'no bytes at all make an empty image': async (underTest) => {
    await underTest.sink.write([]);
    await underTest.sink.write([new Uint8Array(0)]);
    await underTest.sink.end();
    await checkImage(underTest, []);
  },

  'more buffers than one system call takes': async (underTest) => {
    const parts = Array.from({ length: MANY_IOVECS }, (_, index) => pattern(index % 7, index));
    await underTest.sink.write(parts);
    await underTest.sink.end();
    await checkImage(underTest, parts);
  },

  'more bytes than one system call takes': async (underTest) => {
    const part = pattern(LARGE_BYTES, 3);
    await underTest.sink.write([part, part]);
    await underTest.sink.end();
    await checkImage(underTest, [part, part]);
  },

  'views at odd offsets': async (underTest) => {
    const whole = pattern(1000, 1);
    const parts = [whole.subarray(3, 500), whole.subarray(501, 502), whole.subarray(999)];
    await underTest.sink.write(parts);
    await underTest.sink.end();
    await checkImage(underTest, parts);
  },

  'buffers may be reused once write has resolved': async (underTest) => {
    const buffer = pattern(LARGE_BYTES, 1);
    const first = buffer.slice();
    await underTest.sink.write([buffer]);
    buffer.fill(0xdb);
    await underTest.sink.write([buffer.subarray(0, 5)]);
    const second = buffer.slice(0, 5);
    buffer.fill(0);
    await underTest.sink.end();
    await checkImage(underTest, [first, second]);
  },

  'nothing is complete before end': async (underTest) => {
    await underTest.sink.write([pattern(5000, 1)]);
    await checkNoImage(underTest);
    await underTest.sink.end();
    await checkImage(underTest, [pattern(5000, 1)]);
  },

  'abort leaves nothing': async (underTest) => {
    await underTest.sink.write([pattern(5000, 1)]);
    await underTest.sink.abort(new Error('given up'));
    await checkNoImage(underTest);
  },

  'abort before the first write leaves nothing': async (underTest) => {
    await underTest.sink.abort(new Error('given up'));
    await checkNoImage(underTest);
  },

  'abort after end does nothing': async (underTest) => {
    await underTest.sink.write([pattern(50, 1)]);
    await underTest.sink.end();
    await underTest.sink.abort(new Error('too late'));
    await checkImage(underTest, [pattern(50, 1)]);
  },
};

const stateCases: Readonly<Record<string, (underTest: SinkUnderTest) => Promise<void>>> = {
  'abort twice is once': async ({ sink }) => {
    await sink.abort(new Error('given up'));
    await sink.abort(new Error('given up again'));
  },

  'abort settles a write that is going on': async ({ sink }) => {
    const writing = sink.write([pattern(LARGE_BYTES, 1)]).catch(() => {});
    await sink.abort(new Error('given up'));
    await writing;
  },

  'write and end after abort fail': async ({ sink }) => {
    await sink.abort(new Error('given up'));
    await checkRejects(() => sink.write([pattern(5, 1)]), 'write after abort');
    await checkRejects(() => sink.end(), 'end after abort');
  },
};

/** What a `Sink` has to do. */
export function sinkCompliance({ makeSink, cannotShow }: SinkComplianceOptions): ComplianceCase[] {
  const toCases = (scenarios: typeof imageCases, skip: string | undefined) =>
    Object.entries(scenarios).map(([name, scenario]) =>
      complianceCase(name, skip, async () => {
        await using underTest = await makeSink();
        await scenario(underTest);
      }),
    );
  return [...toCases(imageCases, cannotShow), ...toCases(stateCases, undefined)];
}
