import { expect, it } from 'vitest';
import { BUCKETS, TimelineRecorder } from '../src/timeline.ts';

it('keeps sums and largest values, however long the run gets', () => {
  const recorder = new TimelineRecorder();
  for (let ms = 0; ms < 5000; ms++) {
    recorder.add('sweptPages', ms * 1e6, 2);
    recorder.add('stallNs', ms * 1e6, ms === 3333 ? 900 : 5);
  }
  const { bucketNs, series } = recorder.finish();
  expect(series.sweptPages.length).toBeLessThanOrEqual(BUCKETS);
  expect(series.sweptPages.length * bucketNs).toBeGreaterThanOrEqual(5e9 - 1e6);
  expect(series.sweptPages.reduce((sum, pages) => sum + pages, 0)).toBe(10_000);
  expect(Math.max(...series.stallNs)).toBe(900);
  expect(series.stallNs.indexOf(900)).toBe(Math.floor(3333e6 / bucketNs));
});

it('spreads a span evenly, and loses nothing of it', () => {
  const recorder = new TimelineRecorder();
  recorder.addSpan('takenBytes', 10e6, 30e6, 2000);
  recorder.addSpan('sinkNs', 10e6, 30e6, 20e6);
  recorder.addSpan('takenBytes', 40e6, 40e6, 5);
  const { bucketNs, series } = recorder.finish();
  expect(series.takenBytes.reduce((sum, bytes) => sum + bytes, 0)).toBeCloseTo(2005);
  expect(series.takenBytes[Math.floor(20e6 / bucketNs)]).toBeCloseTo((2000 * bucketNs) / 20e6);
  expect(series.sinkNs[Math.floor(29e6 / bucketNs)]).toBe(20e6);
  expect(series.sinkNs[Math.floor(31e6 / bucketNs)]).toBe(0);
});
