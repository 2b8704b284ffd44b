import type { Limiter } from '@stillframe/limiter';
import type { RunResult } from '../run-result.ts';
import type { CaptureSetting, Scenario } from '../scenario.ts';
import { TimelineRecorder } from '../timeline.ts';
import { Agenda } from './agenda.ts';
import { BufferedCapture } from './buffered-capture.ts';
import { asCapture } from './capture.ts';
import { Cores } from './cores.ts';
import { type Costs, MEASURED_COSTS } from './costs.ts';
import { Counters } from './counters.ts';
import { Observer, Pacer, pumpMode, SinkMeter, SojournMeter } from './engine.ts';
import { InlineCapture } from './inline-capture.ts';
import { PageTable } from './page-table.ts';
import { SimulatedPump } from './pump.ts';
import { seededRandom } from './random.ts';
import { Script } from './script.ts';
import type { LimiterStep } from './steps.ts';
import { HeldBack } from './steps.ts';
import { Store } from './store.ts';
import { WaitRecorder } from './wait-recorder.ts';
import { startWriters } from './writers.ts';

export interface Simulation extends Scenario {
  readonly limiter: Limiter;
  readonly capture: CaptureSetting;
  readonly deadlineNs?: number;
  readonly seed?: number;
  readonly costs?: Costs;
  readonly onStep?: (step: LimiterStep) => void;
}

/** A run that takes longer than this in virtual time is taken for one that does not end. */
const PATIENCE_NS = 3600e9;

/**
 * One snapshot in virtual time, from the cut until the sink has every page. Deterministic: the same input gives the same result.
 * @throws Error when it does not end within an hour of virtual time.
 */
export function simulate(options: Simulation): RunResult {
  const { workload, guestBytes, limiter, capture: setting, seed = 2020, costs = MEASURED_COSTS } = options;
  const agenda = new Agenda();
  const random = seededRandom(seed);
  const cores = new Cores(costs, random, workload);
  const pages = new PageTable(Math.floor(guestBytes / costs.pageBytes));
  const store = new Store(setting, costs.pageBytes);
  const counters = new Counters();
  const timeline = new TimelineRecorder();
  const parts = { agenda, costs, random, cores, pages, store, counters, timeline };
  const script = new Script(agenda, costs, random, cores);
  const mode = pumpMode(setting);
  const tell = (): void => pump.told();
  const simulated = mode.isInline ? new InlineCapture(parts, tell) : new BufferedCapture(parts, tell);
  const capture = asCapture(simulated, pages.count);
  const { clock } = script;
  const meter = new SinkMeter(clock);
  const sojourn = new SojournMeter();
  const heldBack = new HeldBack(timeline);
  const observer = new Observer({
    capture,
    meter,
    sojourn,
    clock,
    totalBytes: pages.count * costs.pageBytes,
    preImagesMaxBytes: setting.preImagesMaxBytes,
    ...(options.deadlineNs === undefined ? {} : { deadlineNs: options.deadlineNs }),
  });
  let steps = 0;
  const pacer = new Pacer({
    observer,
    capture,
    limiter,
    clock,
    grantMaxPages: mode.grantMaxPages,
    isHeld: false,
    onChange: () => {},
    onStep: (step) => {
      steps += 1;
      heldBack.step(step, step.observation.nowNs);
      timeline.add('heldBytes', step.observation.nowNs, store.heldBytes);
      timeline.add('spilledBytes', step.observation.nowNs, store.spilledBytes);
      options.onStep?.(step);
    },
  });
  const end: { ns?: number } = {};
  const pump = new SimulatedPump({
    capture: simulated,
    engine: capture,
    script,
    costs,
    mode,
    pacer,
    meter,
    sojourn,
    sink: options.sink.open(pages.count * costs.pageBytes),
    timeline,
    pageCount: pages.count,
    onEnd: () => {
      end.ns = clock.nowNs();
    },
  });
  const waits = new WaitRecorder();
  startWriters(
    {
      workload,
      agenda,
      pages,
      costs,
      random,
      waits,
      onFault: (fault) => simulated.onFault(fault),
      onWait: (atNs, waitNs) => timeline.add('stallNs', atNs, waitNs),
    },
    () => end.ns !== undefined,
  );
  pump.start();
  while (end.ns === undefined && agenda.step()) {
    if (agenda.nowNs > PATIENCE_NS) throw new Error(`${limiter.name} has not ended after an hour`);
  }
  if (end.ns === undefined) throw new Error(`${limiter.name}: nothing happens any more`);
  return {
    totalNs: end.ns,
    writes: waits.result(),
    pages: pages.count,
    faultPages: counters.faultPages,
    sweptPages: counters.sweptPages,
    takenPages: pump.takenPages,
    heldBytesMax: store.heldBytesMax,
    spilledBytesMax: store.spilledBytesMax,
    limiterSteps: steps,
    timeline: timeline.finish(),
  };
}
