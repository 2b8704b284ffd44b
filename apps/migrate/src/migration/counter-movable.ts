import { MAX_WRITERS } from '../workloads/control-block.ts';
import { counterOracle } from '../workloads/counter/counter-oracle.ts';
import { COUNTER_KIND, COUNTER_REGION, readCounterState } from '../workloads/counter/counter-state.ts';
import { resumeCounter } from '../workloads/counter/counter.ts';
import { WorkloadError } from '../workloads/error.ts';
import { GUEST_PAGE_BYTES } from '../workloads/guest-memory.ts';
import { parseWorkload, type Oracle, startWorkload, type Workload } from '../workloads/index.ts';
import { packState, StateCursor } from '../workloads/state-cursor.ts';
import { WarmThreads } from '../workloads/warm-threads.ts';
import { type Movable, movableKind, type MovableMemory, type RunningMovable } from './movable.ts';

const RATE_MAX = 1e9;

/** How many writers a guest has is in its state, which comes last. */
const WARM_THREADS = 4;
const threads = new WarmThreads();

/** The counter workload as a guest that moves: its writers stop here, and others go on with its numbers there. */
export const counterMovable: Movable = {
  name: COUNTER_KIND,
  overwritesPages: true,
  warm: () => threads.warm(WARM_THREADS),
  cool: () => threads.cool(),
  async start(options) {
    const pairs = Object.entries(options).map(([key, value]) => `,${key}=${value}`);
    const workload = await startWorkload(parseWorkload(`counter${pairs.join('')}`));
    return runningCounter(workload, workload.memory[0]!.view!);
  },
  async load({ memory, state }) {
    const cursor = new StateCursor(state);
    const writers = cursor.integer('writers', 1, MAX_WRITERS);
    const rate = cursor.integer('rate', 0, RATE_MAX);
    const counter = readCounterState({ kind: COUNTER_KIND, bytes: state.subarray(HEAD_BYTES) });
    const view = memory.get(COUNTER_REGION);
    const size = counter.pageCount * GUEST_PAGE_BYTES;
    if (view?.byteLength !== size || view.byteOffset !== 0) {
      throw new WorkloadError(
        'WORKLOAD_STATE_INVALID',
        `the state speaks of ${size} bytes, region ${COUNTER_REGION} has ${view?.byteLength ?? 'none'}`,
      );
    }
    const ledger = new Float64Array(new SharedArrayBuffer(counter.ledger.byteLength));
    ledger.set(counter.ledger);
    const stopped = { memory: view, ledger, cut: counter.cut };
    return runningCounter(await resumeCounter({ size, writers, rate, fill: 0 }, stopped, threads), view);
  },
};

/** Of an image of such a guest: the workload's own oracle, asked about the workload's own state. */
export const counterMovableOracle: Oracle = {
  kind: movableKind(COUNTER_KIND),
  async verify({ state, regions }, options) {
    const own = { kind: COUNTER_KIND, bytes: state.bytes.subarray(HEAD_BYTES) };
    return await counterOracle.verify({ state: own, regions }, options);
  },
};

/** Writers and rate, as doubles; the workload's own state follows. */
const HEAD_BYTES = 2 * Float64Array.BYTES_PER_ELEMENT;

function runningCounter(workload: Workload, view: MovableMemory): RunningMovable {
  const { writers = 1, rate = 0 } = workload.options;
  return {
    memory: new Map([[COUNTER_REGION, view]]),
    pause: () => workload.pause(),
    resume: () => workload.resume(),
    save: () => packState([writers, Math.round(rate)], workload.saveState().bytes),
    stop: () => workload.stop(),
    failure: () => workload.failure(),
    async verify() {
      const regions = new Map([[COUNTER_REGION, view]]);
      const { ok, cut, checks } = await counterOracle.verify({ state: workload.saveState(), regions });
      const wrong = checks.find((check) => !check.ok);
      return {
        ok,
        detail: wrong === undefined ? `every page, up to write ${cut}` : `${wrong.name}: ${wrong.detail}`,
      };
    },
  };
}
