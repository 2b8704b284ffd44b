/**
 * What things take, in nanoseconds. Measured medians on a 2-core Linux 6.18 virtual machine unless another source is named; absolute
 * times move from machine to machine. Change them here and nowhere else.
 */
export interface Costs {
  readonly pageBytes: number;
  readonly cores: number;

  /**
   * The fault thread sleeps in poll. It is woken on the writer's core (5.4 µs p50 for a bare handler, 11 µs for the engine, seen by the
   * writer), always with one writer, else in this share of the cases …
   */
  readonly sameCoreShare: number;
  readonly sameCoreWakeNs: number;
  readonly sameCoreWakeSpread: number;
  /** … or on another: 50–75 µs p50 and 110–180 µs p99 for a bare handler, 30–50 µs and 90–160 µs for the engine. Log-normal. */
  readonly faultWakeNs: number;
  readonly faultWakeSpread: number;
  /** Reading the event, claiming, copying 4 KiB (memcpy at 9.3 GB/s). */
  readonly faultCaptureNs: number;
  /** Un-protecting one page: 1.0 µs, 20.6 µs while another core runs in that address space, which the lab's writers seldom do. */
  readonly unprotectPageNs: number;
  /** From the wake-up to the writer running again. */
  readonly writerWakeNs: number;
  readonly writerWakeSpread: number;
  /** A write to a page that is not armed, with the two readings of the clock around it. */
  readonly plainWriteNs: number;
  /** What a write costs a core, with the sleep before it. */
  readonly writeCpuNs: number;
  /** A thread that wants to run while all cores work for the capture waits for a slice now and then. */
  readonly preemptedShare: number;
  readonly sliceNs: number;

  /** With a guest that runs the sweep makes 2.6 GB/s in pieces of 1 MiB, un-protecting included (8.4 with one that rests) … */
  readonly sweepPageNs: number;
  /** … of which this for up to 512 pages at once: 63 µs with the other core busy. */
  readonly unprotectRunNs: number;
  readonly unprotectRunPages: number;
  /** Waking the sweeper or the consumer: a thread on another core. */
  readonly sweeperWakeNs: number;

  /** From the notification to JavaScript running: thread-safe function, 14 µs p50, 120 µs p99. */
  readonly scriptWakeNs: number;
  readonly scriptWakeSpread: number;
  /** Each turn of the pump: pull, promises, the limiter. */
  readonly turnNs: number;
  /** Heads of one slab, and per page in it CRC32C (6.5–12 GB/s), digest and zero scan. */
  readonly encodeSlabNs: number;
  readonly encodePageNs: number;
  /** A call of the sink. */
  readonly writeCallNs: number;
  /** A shaped sink waits by timers of this resolution; waits of less than half of it are left to the next write. */
  readonly sinkTimerNs: number;

  /** The first faulted page of a spilled slab makes room in the file, its publication takes it out of memory; each page is a first touch. */
  readonly spillSlabNs: number;
  readonly spillPageNs: number;

  /** A few pages of faults wait this long for company before JavaScript is told (kTellDelayNs). */
  readonly tellDelayNs: number;
}

export const MEASURED_COSTS: Costs = {
  pageBytes: 4096,
  cores: 2,
  sameCoreShare: 0.5,
  sameCoreWakeNs: 3_000,
  sameCoreWakeSpread: 0.15,
  faultWakeNs: 24_000,
  faultWakeSpread: 0.5,
  faultCaptureNs: 2_500,
  unprotectPageNs: 3_500,
  writerWakeNs: 2_500,
  writerWakeSpread: 0.5,
  plainWriteNs: 200,
  writeCpuNs: 8_000,
  preemptedShare: 0.02,
  sliceNs: 3_000_000,
  sweepPageNs: 1_400,
  unprotectRunNs: 63_000,
  unprotectRunPages: 512,
  sweeperWakeNs: 35_000,
  scriptWakeNs: 20_000,
  scriptWakeSpread: 0.5,
  turnNs: 15_000,
  encodeSlabNs: 15_000,
  encodePageNs: 1_000,
  writeCallNs: 2_000,
  sinkTimerNs: 1_000_000,
  spillSlabNs: 60_000,
  spillPageNs: 1_500,
  tellDelayNs: 500_000,
};
