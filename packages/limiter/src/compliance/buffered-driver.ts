import type { Grant, Limiter, Observation, Step } from '../limiter.ts';
import { PageQueue, type Stay, StayMeter } from './page-queue.ts';
import type { Scenario, SinkScript } from './scenarios.ts';

/** The sweep captured `pages` pages at a true time. */
export interface Sweep {
  readonly atNs: number;
  readonly pages: number;
}

export interface BufferedRun {
  /** Every page was captured and taken by the sink. */
  readonly finished: boolean;
  readonly endNs: number;
  readonly sweeps: readonly Sweep[];
}

export interface BufferedOptions<State> {
  /** Continues from here instead of `initial`. */
  readonly state?: State;
  readonly onStep?: (before: State, observation: Observation, step: Step<State>) => void;
}

export const START_NS = 1e12;
/** An hour of simulated time is patience enough for a few thousand pages. */
const PATIENCE_NS = 3600e9;
const MAX_STEPS = 1_000_000;
/** The driver asks at least this often. */
const STEP_BOUND_NS = 100e6;
/** Most pages in one write of the sink or one run of the sweep, and what capturing one of them takes. */
const RUN_PAGES = 64;
const CAPTURE_NS = 500;
const FAULT_WAIT_NS = 10_000;

/** Simulates a capture with a fault thread, a sweeper, a store and a sink, driven as `Limiter` says; deterministic. */
export function driveBuffered<State>(
  limiter: Limiter<State>,
  scenario: Scenario,
  options: BufferedOptions<State> = {},
): BufferedRun {
  const world = new World(scenario);
  let state = 'state' in options ? options.state : limiter.initial(world.observedNs());
  let steps = 0;
  while (!world.finished) {
    if (world.stepDue()) {
      if (++steps > MAX_STEPS || world.nowNs - START_NS > PATIENCE_NS) break;
      const observation = world.observe();
      const step = limiter.step(state, observation);
      options.onStep?.(state, observation, step);
      world.grant(step.grant);
      state = step.state;
    }
    world.advance();
  }
  return { finished: world.finished, endNs: world.nowNs, sweeps: world.sweeps };
}

/** One write of the sink; `since` says when its pages were captured. */
interface Write {
  readonly pages: number;
  readonly swept: boolean;
  readonly startNs: number;
  readonly endNs: number;
  readonly since: Stay;
}

class World {
  readonly sweeps: Sweep[] = [];
  nowNs = START_NS;
  private readonly scenario: Scenario;
  private pagesLeft: number;
  private grantLeft = 0;
  private current: Grant | undefined;
  private waiting = false;
  private steppedNs = START_NS;
  private sweeperFreeNs = START_NS;
  private nextFaultNs: number;
  private faultsToCome: number;
  /** Captured and not taken by the sink, without the write that is going on. */
  private readonly heldFaults = new PageQueue();
  private readonly heldSwept = new PageQueue();
  private readonly stays = new StayMeter();
  private write: Write | undefined;
  private takenPages = 0;
  private faultPages = 0;
  private since = { faults: 0, lastFaultReadNs: 0, faultsTaken: 0, sweptTaken: 0, longestWriteNs: 0 };

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.pagesLeft = scenario.pageCount;
    this.faultsToCome = scenario.faultCount ?? Number.POSITIVE_INFINITY;
    this.nextFaultNs = START_NS + (scenario.faultEveryNs ?? Number.POSITIVE_INFINITY);
  }

  get finished(): boolean {
    return this.pagesLeft === 0 && this.heldPages() === 0;
  }

  observedNs(): number {
    return this.scenario.clock?.(this.nowNs) ?? this.nowNs;
  }

  stepDue(): boolean {
    if (this.current === undefined) return true;
    const used = this.current.pages > 0 && this.grantLeft === 0 && this.sweptHeld() === 0;
    const waited = this.waiting && this.observedNs() >= this.current.notBeforeNs;
    const woken = this.current.wakeOnFault && this.since.faultsTaken > 0;
    return used || waited || woken || this.nowNs - this.steppedNs >= STEP_BOUND_NS;
  }

  observe(): Observation {
    const { pageSize, storePages } = this.scenario;
    const { faults, lastFaultReadNs, sweptTaken, longestWriteNs } = this.since;
    this.since = { faults: 0, lastFaultReadNs: 0, faultsTaken: 0, sweptTaken: 0, longestWriteNs: 0 };
    this.steppedNs = this.nowNs;
    const waitNs = faults > 0 ? FAULT_WAIT_NS : 0;
    const writingNs = this.write === undefined ? 0 : this.nowNs - this.write.startNs;
    const elapsedNs = this.nowNs - START_NS;
    return {
      nowNs: this.observedNs(),
      faults,
      lastFaultReadNs,
      faultWait: { p50Ns: waitNs, p99Ns: waitNs, maxNs: waitNs },
      sweptPages: sweptTaken,
      sweptPagesHeld: this.sweptHeld(),
      sink: {
        longestWriteNs: Math.max(longestWriteNs, writingNs),
        backlogBytes: (this.write?.pages ?? 0) * pageSize,
        drainBytesPerSecond: elapsedNs === 0 ? 0 : (this.takenPages * pageSize * 1e9) / elapsedNs,
      },
      preImages: {
        bytes: this.heldPages() * pageSize,
        maxBytes: storePages * pageSize,
        sojourn: { ...this.stays.take(), oldestNs: this.oldestNs() },
      },
      guestWritePagesPerSecond: elapsedNs === 0 ? 0 : (this.faultPages * 1e9) / elapsedNs,
      pagesLeft: this.pagesLeft,
      bytesLeft: this.pagesLeft * pageSize,
      pageSize,
    };
  }

  grant(grant: Grant): void {
    this.current = grant;
    this.grantLeft = grant.pages;
    this.waiting = this.observedNs() < grant.notBeforeNs;
  }

  /** Starts what can start, then goes to the next event and lets it happen. */
  advance(): void {
    this.startSweep();
    this.startWrite();
    this.nowNs = this.nextEventNs();
    this.endWrite();
    this.fault();
  }

  private startSweep(): void {
    const notBeforeNs = this.current?.notBeforeNs ?? Number.POSITIVE_INFINITY;
    if (this.nowNs < this.sweeperFreeNs || this.observedNs() < notBeforeNs) return;
    const room = Math.max(0, this.scenario.storePages - this.heldPages());
    const pages = Math.min(this.grantLeft, this.pagesLeft, room, RUN_PAGES);
    if (pages === 0) return;
    this.grantLeft -= pages;
    this.pagesLeft -= pages;
    this.heldSwept.add(pages, this.nowNs);
    this.sweeperFreeNs = this.nowNs + pages * CAPTURE_NS;
    this.sweeps.push({ atNs: this.nowNs, pages });
  }

  private startWrite(): void {
    const swept = this.heldFaults.pages === 0;
    const queue = swept ? this.heldSwept : this.heldFaults;
    const pages = Math.min(RUN_PAGES, queue.pages);
    if (this.write !== undefined || pages === 0) return;
    const endNs = writeEndNs(this.scenario.sink, this.nowNs, pages * this.scenario.pageSize);
    this.write = { pages, swept, startNs: this.nowNs, endNs, since: queue.take(pages) };
  }

  private endWrite(): void {
    if (this.write === undefined || this.nowNs < this.write.endNs) return;
    const { pages, swept, startNs, since } = this.write;
    this.write = undefined;
    this.stays.left(since, this.nowNs);
    this.takenPages += pages;
    this.since.longestWriteNs = Math.max(this.since.longestWriteNs, this.nowNs - startNs);
    if (swept) this.since.sweptTaken += pages;
    else this.since.faultsTaken += pages;
  }

  private fault(): void {
    if (this.nowNs < this.nextFaultNs) return;
    this.faultsToCome -= 1;
    this.nextFaultNs += this.faultsToCome > 0 ? (this.scenario.faultEveryNs ?? 0) : Number.POSITIVE_INFINITY;
    if (this.pagesLeft === 0) return;
    this.pagesLeft -= 1;
    this.faultPages += 1;
    this.heldFaults.add(1, this.nowNs);
    this.since.faults += 1;
    this.since.lastFaultReadNs = this.observedNs();
  }

  private nextEventNs(): number {
    const events = [this.steppedNs + STEP_BOUND_NS, this.nextFaultNs];
    if (this.write !== undefined) events.push(this.write.endNs);
    if (this.sweeperFreeNs > this.nowNs) events.push(this.sweeperFreeNs);
    const untilGrantNs = (this.current?.notBeforeNs ?? 0) - this.observedNs();
    if (untilGrantNs > 0) events.push(this.nowNs + untilGrantNs);
    return Math.max(this.nowNs, Math.min(...events));
  }

  private sweptHeld(): number {
    return this.heldSwept.pages + (this.write?.swept === true ? this.write.pages : 0);
  }

  private heldPages(): number {
    return this.heldFaults.pages + this.heldSwept.pages + (this.write?.pages ?? 0);
  }

  private oldestNs(): number {
    const oldest = [this.heldFaults.oldestNs, this.heldSwept.oldestNs, this.write?.since.oldestNs];
    return Math.max(0, ...oldest.map((atNs) => (atNs === undefined ? 0 : this.nowNs - atNs)));
  }
}

function writeEndNs({ bytesPerSecond, stall }: SinkScript, startNs: number, bytes: number): number {
  const endNs = startNs + Math.ceil((bytes * 1e9) / bytesPerSecond);
  if (stall === undefined) return endNs;
  const stalls = Math.floor(endNs / stall.everyNs) - Math.floor(startNs / stall.everyNs);
  return endNs + stalls * stall.lastsNs;
}
