import { readFileSync } from 'node:fs';

/** Clock ticks of all cores together. */
export interface CpuTicks {
  /** User and system time of every process of the machine, and what its host took away. Not interrupts: ours are among them. */
  readonly worked: number;
  readonly passed: number;
  /** Of that: this process and the children that have ended. */
  readonly ours: number;
}

/** Percent of the machine's cores that worked for others between two readings. */
export function otherWorkPercent(from: CpuTicks, to: CpuTicks): number {
  const passed = to.passed - from.passed;
  if (passed <= 0) return 0;
  const others = to.worked - from.worked - (to.ours - from.ours);
  return Math.max(0, (others / passed) * 100);
}

export function readCpuTicks(): CpuTicks {
  return parseCpuTicks(readFileSync('/proc/stat', 'utf8'), readFileSync('/proc/self/stat', 'utf8'));
}

/** proc_stat(5), proc_pid_stat(5). */
export function parseCpuTicks(stat: string, selfStat: string): CpuTicks {
  const [line = ''] = stat.split('\n', 1);
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = line
    .split(/\s+/)
    .slice(1)
    .map(Number);
  // The name, in parentheses, may hold anything; what follows it begins with field 3.
  const fields = selfStat.slice(selfStat.lastIndexOf(')') + 2).split(' ');
  const times = fields.slice(FIRST_TIME - 3, FIRST_TIME + 1).map(Number);
  const worked = user + nice + system + steal;
  return {
    worked,
    passed: worked + idle + iowait + irq + softirq,
    ours: times.reduce((sum, ticks) => sum + ticks, 0),
  };
}

/** utime; then stime, cutime and cstime. */
const FIRST_TIME = 14;
