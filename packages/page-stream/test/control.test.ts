import { describe, expect, it } from 'vitest';
import {
  chooseVersion,
  ControlEncoder,
  formatLimits,
  type Frame,
  type Hello,
  type HelloFrame,
  ownHello,
} from '../src/index.ts';
import { decode } from './decode.ts';
import { concat } from './raw-frames.ts';

const digest = Uint32Array.of(0x11223344, 0xfedcba98);

function fromDestination(...later: ((control: ControlEncoder) => Uint8Array)[]): Frame[] {
  const control = new ControlEncoder();
  const bytes = concat([control.hello(ownHello('destination')), ...later.map((encode) => encode(control))]);
  return decode(bytes, { from: 'destination' }).frames;
}

describe('HELLO', () => {
  it('comes back as it was', () => {
    const limits = {
      maxPayloadBytes: 131_072,
      maxRegions: 7,
      maxPages: 2 ** 53 - 1,
      maxImageBytes: 5,
      maxStateBytes: 6,
    };
    const hello: Hello = { role: 'destination', versionMin: 3, versionMax: 9, features: 0x80000001, limits };
    const { frames } = decode(new ControlEncoder().hello(hello), { from: 'destination' });
    expect(frames).toEqual([{ type: 'hello', offset: 0, sequence: 0, payloadBytes: 48, ...hello }]);
  });

  it('of this package announces the limits of its decoder', () => {
    const { limits } = ownHello('source', { maxPages: 100 });
    const { maxSkippedFrames: _, ...announced } = formatLimits;
    expect(limits).toEqual({ ...announced, maxPages: 100 });
    expect(() => ownHello('source', { maxPages: -1 })).toThrow(RangeError);
  });
});

function speaks(versionMin: number, versionMax: number): Hello {
  return { ...ownHello('source'), versionMin, versionMax };
}

function theirs(versionMin: number, versionMax: number): HelloFrame {
  const hello = { ...speaks(versionMin, versionMax), role: 'destination' } as const;
  return { ...hello, type: 'hello', offset: 0, sequence: 0, payloadBytes: 48 };
}

describe('chooseVersion', () => {
  it.each([
    [1, 1, 1, 1, 1],
    [1, 3, 2, 5, 3],
    [2, 5, 1, 3, 3],
    [1, 9, 4, 4, 4],
  ])('of %d-%d and %d-%d', (ourMin, ourMax, theirMin, theirMax, version) => {
    expect(chooseVersion(speaks(ourMin, ourMax), theirs(theirMin, theirMax))).toBe(version);
  });

  it.each([
    [1, 1, 2, 2],
    [3, 4, 1, 2],
  ])('of %d-%d and %d-%d does not exist', (ourMin, ourMax, theirMin, theirMax) => {
    expect(() => chooseVersion(speaks(ourMin, ourMax), theirs(theirMin, theirMax))).toThrow(
      expect.objectContaining({ code: 'STREAM_VERSION', offset: 32 }),
    );
  });
});

describe('ACK', () => {
  it.each([
    ['done', true, true],
    ['done', true, false],
    ['failed', false, true],
    ['failed', false, false],
  ] as const)('%s, digest %s, oracle %s', (outcome, digestVerified, oracleVerified) => {
    const ack = { outcome, digestVerified, oracleVerified, digest, message: 'größer' };
    const frames = fromDestination((control) => control.ack(ack));
    expect(frames[1]).toEqual({ type: 'ack', offset: 80, sequence: 1, payloadBytes: 32, ...ack });
  });

  it('makes a line of its message', () => {
    const ack = { outcome: 'failed', digestVerified: false, oracleVerified: false, digest } as const;
    const message = `no\nspace\u001b[31m ${'ß'.repeat(600)}`;
    const [, frame] = fromDestination((control) => control.ack({ ...ack, message }));
    expect(frame).toMatchObject({ message: `no space [31m ${'ß'.repeat(505)}` });
  });
});

describe('ABORT', () => {
  it.each([
    ['STREAM_DIGEST', 'STREAM_DIGEST'],
    ['', 'UNKNOWN'],
    ['two words', 'UNKNOWN'],
    ['X'.repeat(64), 'X'.repeat(64)],
    ['X'.repeat(65), 'UNKNOWN'],
  ])('with the code %j never fails', (code, sent) => {
    const [, frame] = fromDestination((control) => control.abort({ code, message: '\u0000' }));
    expect(frame).toMatchObject({ type: 'abort', code: sent, message: ' ' });
  });
});
