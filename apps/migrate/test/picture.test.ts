import { memorySink, takeSnapshot } from '@stillframe/snapshot';
import { expect, test, vi } from 'vitest';
import { chooseCapture } from '../src/options/capture-options.ts';
import { parseWorkload } from '../src/workloads/index.ts';
import { pictureWorkload } from '../src/picture.ts';
import type * as Workloads from '../src/workloads/index.ts';
import { needUserfaultfd } from './e2e/userfaultfd.ts';
import { keepingContext } from './read-side/run-command.ts';

const phases = vi.hoisted((): string[] => []);

vi.mock('../src/workloads/index.ts', async (load) => {
  const real = await load<typeof Workloads>();
  return {
    ...real,
    startWorkload: async (spec: Workloads.WorkloadSpec) => {
      const workload = await real.startWorkload(spec);
      const setPhase = workload.phase.bind(workload);
      workload.phase = (name) => {
        phases.push(name);
        setPhase(name);
      };
      return workload;
    },
  };
});

test('writes while the destination still looks at the image count as after the snapshot', async (context) => {
  needUserfaultfd(context);
  const { context: cli } = keepingContext();
  const picture = await pictureWorkload({
    context: cli,
    report: cli.report(true),
    guest: { workload: parseWorkload('counter,size=2MiB,rate=0'), beforeMs: 20, afterMs: 0 },
    capture: await chooseCapture({}),
    signal: cli.signal,
    start: async (guest) => {
      const sink = memorySink({ maxBytes: 8 * 2 ** 20 });
      const end = async () => {
        await vi.waitFor(() => expect(phases).toEqual(['during', 'after']), { timeout: 5000 });
        await sink.end();
      };
      const { limiter, capture } = await chooseCapture({});
      return takeSnapshot({ guest, sink: { ...sink, end }, limiter, capture });
    },
  });
  expect(picture.writeStallUs.before.count).toBeGreaterThan(0);
  expect(phases).toEqual(['during', 'after']);
});
