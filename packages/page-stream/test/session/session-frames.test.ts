import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { beginsSession, ControlEncoder, ownHello, SessionWriter } from '../../src/index.ts';
import { formatHexText, parseHexText } from '../hex-text.ts';
import { joinFrames } from '../raw-frames.ts';
import { readByReference, readSession } from './read-session.ts';
import { sessionVectors, spoken } from './session-vectors.ts';

const directory = new URL('./vectors/', import.meta.url);

function format({ from, expect: expected, bytes }: (typeof sessionVectors)[number]): string {
  return `; from: ${from}\n; expect: ${expected}\n${formatHexText(bytes)}`;
}

const files = readdirSync(directory).map((file) => {
  const text = readFileSync(new URL(file, directory), 'utf8');
  const [, from = '', expected = ''] = /^; from: (.*)\n; expect: (.*)\n/.exec(text) ?? [];
  const side = from === 'source' ? ('source' as const) : ('destination' as const);
  return { name: file.replace('.hex', ''), from: side, expected, bytes: parseHexText(text), text };
});

describe('golden vectors of sessions', () => {
  it('are those of session-vectors.ts', () => {
    const written = Object.fromEntries(sessionVectors.map((vector) => [vector.name, format(vector)]));
    expect(Object.fromEntries(files.map(({ name, text }) => [name, text]))).toEqual(written);
  });

  it.each(files)('$name: $expected', ({ from, expected, bytes }) => {
    const read = readSession(bytes, from);
    const reference = readByReference(bytes, from);
    expect(read.error ?? 'ok').toBe(expected);
    expect(reference.error ?? 'ok').toBe(expected);
    // The reference decoder gives the frames of what it takes to the end.
    expect(expected === 'ok' ? read.frames : []).toEqual(reference.frames);
  });
});

describe('SessionWriter', () => {
  it.each(spoken)('writes $frame.type', ({ frame, raw }) => {
    expect(new SessionWriter().frame(frame)).toEqual(joinFrames([raw]));
  });

  it('numbers the frames of a connection', () => {
    const writer = new SessionWriter();
    writer.frame({ type: 'open', silenceMs: 1 });
    const second = writer.frame({ type: 'received', at: 0 });
    expect(new DataView(second.buffer).getBigUint64(16, true)).toBe(1n);
  });
});

describe('beginsSession', () => {
  it('tells a session from a page stream, and from anything else', () => {
    expect(beginsSession(new SessionWriter().frame({ type: 'open', silenceMs: 1 }))).toBe(true);
    expect(beginsSession(new ControlEncoder().hello(ownHello('source')))).toBe(false);
    expect(beginsSession(new Uint8Array(80))).toBe(false);
    expect(beginsSession(new Uint8Array(0))).toBe(false);
  });
});
