/**
 * How a sink takes bytes, as a function of time. The simulator asks it when a write would end; a real run waits until then.
 * So both have the same sink, but for the resolution of timers.
 */
export interface SinkShape {
  readonly name: string;
  readonly summary: string;
  /** Times are nanoseconds since the stream began. `imageBytes`: of all pages together. */
  open(imageBytes: number): SinkModel;
}

/** A sink of one run. Writes come one after the other, at times that do not go back. */
export interface SinkModel {
  /** When a write of `bytes` that begins at `startNs` has been taken; `startNs` when the sink takes it at once. */
  writeEndNs(startNs: number, bytes: number): number;
}

/** What the sink takes ahead of its rate, as a socket's buffer does. */
export const SINK_BUFFER_BYTES = 256 * 2 ** 10;

/** A rate that holds until `untilNs`. */
interface Segment {
  readonly bytesPerSecond: number;
  readonly untilNs: number;
}

const NS_PER_MS = 1e6;
const STALL_MS = 1000;
const STALLS = 3;

/** A buffer that empties at `segmentAt(t)`: a write ends when what is left of it fits. */
export function rateModel(segmentAt: (ns: number) => Segment): SinkModel {
  let level = 0;
  let atNs = 0;
  /** Moves on to `ns`, or until no more than `downTo` is in the buffer; gives the time reached. */
  const drain = (ns: number, downTo: number): number => {
    while (atNs < ns && level > downTo) {
      const { bytesPerSecond, untilNs } = segmentAt(atNs);
      const neededNs = ((level - downTo) / bytesPerSecond) * 1e9;
      const stepNs = Math.min(neededNs, untilNs - atNs, ns - atNs);
      level = stepNs === neededNs ? downTo : level - (bytesPerSecond * stepNs) / 1e9;
      atNs += stepNs;
    }
    return atNs;
  };
  return {
    writeEndNs(startNs, bytes) {
      drain(startNs, 0);
      atNs = Math.max(atNs, startNs);
      level += bytes;
      return level <= SINK_BUFFER_BYTES ? startNs : drain(Number.POSITIVE_INFINITY, SINK_BUFFER_BYTES);
    },
  };
}

const UNLIMITED: SinkModel = { writeEndNs: (startNs) => startNs };

function constant(bytesPerSecond: number): SinkModel {
  return rateModel(() => ({ bytesPerSecond, untilNs: Number.POSITIVE_INFINITY }));
}

/** Stands still `STALLS` times, evenly spread over the image; so every policy meets as many stalls. */
function stalling(imageBytes: number): SinkModel {
  let takenBytes = 0;
  let done = 0;
  return {
    writeEndNs(startNs, bytes) {
      takenBytes += bytes;
      if (done === STALLS || takenBytes < ((done + 1) * imageBytes) / (STALLS + 1)) return startNs;
      done += 1;
      return startNs + STALL_MS * NS_PER_MS;
    },
  };
}

/** 400 MB/s, then a collapse to 10 MB/s for three seconds, then 200 MB/s. */
function collapsing(): SinkModel {
  const segments: readonly Segment[] = [
    { bytesPerSecond: 400e6, untilNs: 200 * NS_PER_MS },
    { bytesPerSecond: 10e6, untilNs: 3200 * NS_PER_MS },
    { bytesPerSecond: 200e6, untilNs: Number.POSITIVE_INFINITY },
  ];
  return rateModel((ns) => segments.find(({ untilNs }) => ns < untilNs)!);
}

const JITTER_SEGMENT_NS = 25 * NS_PER_MS;
/** A rate for each 25 ms, from 5 to 320 MB/s in powers of two; the order is drawn once and the same for everybody. */
const JITTER_STEPS = [
  5, 2, 6, 0, 4, 3, 6, 1, 5, 0, 2, 6, 4, 1, 3, 5, 0, 6, 2, 4, 3, 6, 1, 0, 5, 6, 4, 2,
] as const;

function jittery(): SinkModel {
  return rateModel((ns) => {
    const index = Math.floor(ns / JITTER_SEGMENT_NS);
    const step = JITTER_STEPS[index % JITTER_STEPS.length]!;
    return { bytesPerSecond: 5e6 * 2 ** step, untilNs: (index + 1) * JITTER_SEGMENT_NS };
  });
}

export const SINK_SHAPES: readonly SinkShape[] = [
  { name: 'fast', summary: 'takes everything at once', open: () => UNLIMITED },
  { name: 'slow', summary: '50 MB/s', open: () => constant(50e6) },
  { name: 'stalling', summary: 'at once, but stands still three times for 1 s', open: stalling },
  { name: 'collapsing', summary: '400 MB/s; 10 MB/s from 0.2 to 3.2 s; then 200 MB/s', open: collapsing },
  { name: 'jittery', summary: '5 to 320 MB/s, another rate every 25 ms', open: jittery },
];
