import { type Probe, probe } from '@stillframe/uffd';
import { expect, test } from 'vitest';
import { doctor } from '../../src/commands/doctor.ts';
import { keepingContext, type Line } from './run-command.ts';

const here = probe();

/** This machine, if `sync-wp` were as given. */
function machine(available: boolean): Probe {
  const verdict = {
    available,
    reason: available ? null : 'the kernel says no',
    remedy: available ? null : 'ask it nicely',
  };
  return {
    ...here,
    tiers: here.tiers.map((tier) => (tier.name === 'sync-wp' ? { ...tier, ...verdict } : tier)),
  };
}

test('0 when sync-wp works', () => {
  const { context, written } = keepingContext();
  doctor(context, false, machine(true));
  expect(written.exitCode).toBe(0);
  expect(written.stdout).toContain('Snapshots work here');
  expect(written.stdout).toContain(here.kernel);
});

test('10 when it does not, with reason and remedy, whatever the other tiers say', () => {
  const { context, written } = keepingContext();
  doctor(context, false, machine(false));
  expect(written.exitCode).toBe(10);
  expect(written.stdout).toContain('Snapshots do not work here');
  expect(written.stdout).toContain('the kernel says no');
  expect(written.stdout).toContain('ask it nicely');
});

test('--json is one summary line with everything that was found', () => {
  const { context, written } = keepingContext();
  doctor(context, true, machine(false));
  const line: Line = JSON.parse(written.stdout);
  expect(line).toMatchObject({ type: 'summary', outcome: 'unavailable', kernel: here.kernel });
  expect(line['tiers']).toHaveLength(here.tiers.length);
  expect(written.exitCode).toBe(10);
});
