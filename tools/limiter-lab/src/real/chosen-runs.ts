import type { Arguments } from '../arguments.ts';
import { BASE_ID } from '../base-line.ts';
import { LabError } from '../lab-error.ts';
import { type GoalVerdict, judge } from '../goals.ts';
import { scenarioName, scenariosOf } from '../matrix.ts';
import { contestants } from '../policies.ts';
import type { RealModel } from '../report/model.ts';
import { compareWithReal } from './compare.ts';
import { realRunner } from './real-runs.ts';

/** What the goals are about, and the base line beside it. */
const DEFAULT_POLICIES = [BASE_ID, 'none', 'gentle'];
const DEFAULT_WORKLOADS = ['steady', 'hot-set'];
const DEFAULT_SINKS = ['slow', 'stalling'];

/** The real runs that the command line asks for. */
export async function chosenRealRuns(
  chosen: Arguments,
  progress: (text: string) => void,
): Promise<RealModel[]> {
  const wanted = chosen.policies ?? DEFAULT_POLICIES;
  const { taking } = contestants(chosen.overflows[0] ?? 'spill');
  const unknown = wanted.find((name) => !taking.some(({ id, policy }) => id === name || policy === name));
  if (unknown !== undefined) {
    throw new LabError('LAB_USAGE', `--policy: there is no ${unknown}`, 'lab --list names the policies');
  }
  // An id stands for one, a limiter's name for all of its variants with a store.
  const isWanted = ({ id, policy, store }: (typeof taking)[number]): boolean =>
    wanted.includes(id) || (store !== 'inline' && wanted.includes(policy));
  return compareWithReal(await realRunner(), {
    ...chosen,
    contestants: taking.filter(isWanted),
    scenarios: scenariosOf({
      guestBytes: chosen.guestBytes,
      workloads: chosen.workloads ?? DEFAULT_WORKLOADS,
      sinks: chosen.sinks ?? DEFAULT_SINKS,
    }),
    progress,
  });
}

/** The goals, by real runs. */
export function judgeReal(real: readonly RealModel[]): GoalVerdict[] {
  return judge(
    real.map(({ workload, sink, contestant, real: scores }) => ({
      scenario: scenarioName({ workload, sink }),
      sink,
      contestant,
      scores,
    })),
  );
}

/** How far the simulator is off, as a table. */
export function realText(real: readonly RealModel[]): string {
  const head = 'real runs, and the simulator as a multiple of them (1.00: the same)';
  const lines = real.map(({ workload, sink, contestant, real: measured, simulated }) => {
    const of = (metric: 'totalMs' | 'p99Us' | 'longestMs'): string =>
      `${measured[metric].toPrecision(3).padStart(8)} × ${(simulated[metric] / measured[metric]).toFixed(2)}`;
    const where = `${contestant.padEnd(24)} ${`${workload}/${sink}`.padEnd(20)}`;
    return `${where} total ms ${of('totalMs')}   p99 µs ${of('p99Us')}   longest ms ${of('longestMs')}`;
  });
  const goals = judgeReal(real).map(
    ({ contestant, longestShare, p99Share, totalRatio, reached }) =>
      `${contestant.padEnd(24)} longest, stalling ${(longestShare * 100).toFixed(2).padStart(7)} % of base   p99, slow ${(p99Share * 100).toFixed(1).padStart(6)} % of base   total ${totalRatio.toFixed(3)} × none   ${reached ? 'all goals reached' : 'goals missed'}`,
  );
  return [head, ...lines, '', 'goals on real runs, worst scenario', ...goals].join('\n');
}
