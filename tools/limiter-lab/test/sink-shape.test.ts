import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rateModel, SINK_BUFFER_BYTES, SINK_SHAPES } from '../src/sink-shape.ts';
import { MIB, sink } from './small.ts';

describe('sinks', () => {
  it('a constant rate takes its buffer at once and the rest at that rate', () => {
    const model = rateModel(() => ({ bytesPerSecond: 1e6, untilNs: Number.POSITIVE_INFINITY }));
    expect(model.writeEndNs(0, SINK_BUFFER_BYTES)).toBe(0);
    expect(model.writeEndNs(0, 1e6)).toBeCloseTo(1e9, 0);
    // The buffer is full: what fits after a tenth of a second is a tenth of a megabyte.
    expect(model.writeEndNs(1.1e9, 1e5)).toBeCloseTo(1.1e9, 0);
    expect(model.writeEndNs(1.1e9, 1e5)).toBeCloseTo(1.2e9, 0);
  });

  it('rates follow their segments', () => {
    const collapsing = sink('collapsing').open(256 * MIB);
    // 80 MB by 0.2 s, 30 MB in the three seconds after it, and the rest at 200 MB/s.
    expect(collapsing.writeEndNs(0, 110e6 + SINK_BUFFER_BYTES) / 1e6).toBeCloseTo(3200, 0);
    expect(collapsing.writeEndNs(3200e6, 20e6) / 1e6).toBeCloseTo(3300, 0);
  });

  it('a stalling one stands still three times', () => {
    const model = sink('stalling').open(16 * MIB);
    const waits = Array.from({ length: 16 }, (_, i) => model.writeEndNs(i * 2e9, MIB) - i * 2e9);
    expect(waits.filter((ns) => ns > 0)).toEqual([1e9, 1e9, 1e9]);
    expect(waits.map((ns) => ns > 0).indexOf(true)).toBe(3);
  });

  it.each(SINK_SHAPES)('$name: time never goes back, and no write is for ever', (shape) => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2 * MIB), fc.nat(50e6)), { maxLength: 50 }), (writes) => {
        const model = shape.open(64 * MIB);
        let nowNs = 0;
        for (const [bytes, restNs] of writes) {
          const endNs = model.writeEndNs(nowNs, bytes);
          expect(endNs).toBeGreaterThanOrEqual(nowNs);
          expect(endNs - nowNs).toBeLessThan(10e9);
          nowNs = endNs + restNs;
        }
      }),
    );
  });
});
