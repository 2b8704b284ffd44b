import { expect, test } from 'vitest';
import { otherWorkPercent, parseCpuTicks, readCpuTicks } from '../src/other-work.ts';

//                     user nice system idle iowait irq softirq steal guest
const stat = (user: number, idle: number): string => `cpu  ${user} 1 20 ${idle} 5 3 4 10 7 0\ncpu0 1 2 3\n`;
const self = (...times: number[]): string =>
  `4711 (no) de (x) S 1 2 3 4 5 6 7 8 9 10 ${times.join(' ')} 20 0\n`;

test('ticks are found whatever the process is called', () => {
  expect(parseCpuTicks(stat(100, 1000), self(1, 2, 30, 40))).toEqual({
    worked: 100 + 1 + 20 + 10,
    passed: 100 + 1 + 20 + 10 + 1000 + 5 + 3 + 4,
    ours: 73,
  });
});

test('what is not ours is others’', () => {
  const from = parseCpuTicks(stat(100, 1000), self(0, 0, 0, 0));
  const to = parseCpuTicks(stat(180, 1020), self(10, 10, 25, 25));
  expect(otherWorkPercent(from, to)).toBe(10);
  expect(otherWorkPercent(to, to)).toBe(0);
});

test('this machine has ticks, and this process some of them', () => {
  const ticks = readCpuTicks();
  expect(ticks.ours).toBeGreaterThan(0);
  expect(ticks.worked).toBeGreaterThan(ticks.ours);
  expect(ticks.passed).toBeGreaterThan(ticks.worked);
});
