/**
 * What things take, in nanoseconds. Measured medians on a 2-core Linux 6.18 virtual machine unless another source is named; absolute
 * times move from machine to machine. Change them here and nowhere else.
 */
export interface Costs {
  readonly pageBytes: number;
  readonly cores: number;

  /** From a fault to the fault thread running, when it slept in poll on another core: 50–75 µs p50 and 110–180 µs p99 as seen by the
   *  writer, less the 18 µs that the same fault takes when the thread polls busily. Log-normal. */
  readonly faultWakeNs: number;
  readonly faultWakeSpread: number;
  /** Reading the event, claiming, copying 4 KiB (memcpy at 9.3 GB/s). */
  readonly faultCaptureNs: number;
  /** Un-protecting one page while another core runs in that address space, half of 20.6 µs: the writers of the lab mostly sleep. */
  readonly unprotectPageNs: number;
  /** From the wake-up to the writer running again. */
  readonly writerWakeNs: number;
  readonly writerWakeSpread: number;
  /** A write to a page that is not armed, with the two readings of the clock around it. */
  readonly plainWriteNs: number;
  /** A thread that wants to run while all cores work for the capture waits for a slice now and then. */
  readonly preemptedShare: number;
  readonly sliceNs: number;

  /** The sweep copies at memcpy speed … */
  readonly sweepPageNs: number;
  /** … and un-protects up to 512 pages at once: 63 µs with the other core busy. */
  readonly unprotectRunNs: number;
  readonly unprotectRunPages: number;
  /** Waking the sweeper or the consumer: a thread on another core. */
  readonly sweeperWakeNs: number;

  /** From the notification to JavaScript running: thread-safe function, 14 µs p50, 120 µs p99. */
  readonly scriptWakeNs: number;
  readonly scriptWakeSpread: number;
  /** Each turn of the pump: pull, promises, the limiter. */
  readonly turnNs: number;
  /** Checksum, zero scan and heads of one slab, and per page in it (CRC32C at 6.5–12 GB/s). */
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
  faultWakeNs: 38_000,
  faultWakeSpread: 0.45,
  faultCaptureNs: 2_500,
  unprotectPageNs: 10_000,
  writerWakeNs: 6_000,
  writerWakeSpread: 0.4,
  plainWriteNs: 60,
  preemptedShare: 0.02,
  sliceNs: 3_000_000,
  sweepPageNs: 440,
  unprotectRunNs: 63_000,
  unprotectRunPages: 512,
  sweeperWakeNs: 35_000,
  scriptWakeNs: 20_000,
  scriptWakeSpread: 0.5,
  turnNs: 15_000,
  encodeSlabNs: 15_000,
  encodePageNs: 600,
  writeCallNs: 2_000,
  sinkTimerNs: 1_000_000,
  spillSlabNs: 60_000,
  spillPageNs: 1_500,
  tellDelayNs: 500_000,
};
