import { describe, expect, it } from 'vitest';
import { StateCollector, type StateFrame } from '../src/index.ts';
import { page } from './sample-streams.ts';

function part(partOffset: number, bytes: Uint8Array, totalBytes: number): StateFrame {
  const place = { offset: 0, sequence: 2, payloadBytes: 0 };
  const last = partOffset + bytes.length === totalBytes;
  return { ...place, type: 'state', kind: 'sample@1', totalBytes, partOffset, bytes, last };
}

describe('StateCollector', () => {
  it('keeps copies, because the bytes of a frame are on loan', () => {
    const collector = new StateCollector();
    const lent = page(1, 3);
    expect(collector.add(part(0, lent, 5))).toBeUndefined();
    lent.fill(9);
    expect(collector.add(part(3, page(2, 2), 5))).toEqual({
      kind: 'sample@1',
      bytes: Uint8Array.of(1, 1, 1, 2, 2),
    });
  });

  it('returns a state without bytes at once', () => {
    const state = new StateCollector().add(part(0, new Uint8Array(), 0));
    expect(state).toEqual({ kind: 'sample@1', bytes: new Uint8Array() });
  });
});
