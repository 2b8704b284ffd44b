import { waitBucketFloorNs, waitTotal } from '@stillframe/snapshot';
import type { RunResult, WriteWaits } from '../run-result.ts';
import { bySeries, SERIES, type Timeline } from '../timeline.ts';
import type { RunModel, TimelineModel } from './model.ts';

/** A plot is not finer than this, and the page stays small. */
const SHOWN_BUCKETS = 80;
const SIGNIFICANT_DIGITS = 3;
const MIB = 2 ** 20;

export function runModel(run: RunResult): RunModel {
  return {
    timeline: timelineModel(run.timeline),
    tail: tailOf(run.writes),
    faultPages: run.faultPages,
    sweptPages: run.sweptPages,
    spilledMiB: run.spilledBytesMax / MIB,
  };
}

/** The share of writes above each bucket that has any, and the longest write last. */
function tailOf({ counts, longestNs }: WriteWaits): [number, number][] {
  const total = waitTotal(counts);
  const tail: [number, number][] = [];
  let above = total;
  for (const [index, count] of counts.entries()) {
    if (count === 0) continue;
    above -= count;
    const endNs = above === 0 ? longestNs : waitBucketFloorNs(index + 1);
    tail.push([rounded(endNs / 1e3), rounded(above / total)]);
  }
  return tail;
}

function timelineModel({ bucketNs, series }: Timeline): TimelineModel {
  const length = series.stallNs.length;
  const joined = Math.max(1, Math.ceil(length / SHOWN_BUCKETS));
  const shown = bySeries((name) => {
    const values: number[] = [];
    for (let at = 0; at < length; at += joined) {
      const piece = series[name].slice(at, at + joined);
      const isSum = SERIES[name] === 'sum';
      values.push(rounded(isSum ? piece.reduce((sum, each) => sum + each, 0) : Math.max(...piece)));
    }
    return values;
  });
  return { bucketMs: (bucketNs * joined) / 1e6, series: shown };
}

function rounded(value: number): number {
  return Number(value.toPrecision(SIGNIFICANT_DIGITS));
}
