import { describe, expect, it } from 'vitest';
import { type CompliancePromises, limiterCompliance } from '../src/compliance.ts';
import {
  aimd,
  builtinPolicies,
  codel,
  deadline,
  gentle,
  linearScan,
  minimum,
  none,
  pid,
  reserve,
  schedule,
  tokenBucket,
} from '../src/index.ts';
import type { Limiter } from '../src/limiter.ts';

const KiB = 1024;

const subjects: Readonly<Record<string, { make: () => Limiter; promises?: CompliancePromises }>> = {
  none: { make: none },
  'linear-scan': { make: linearScan },
  'linear-scan that never waits': { make: () => linearScan({ waits: 0 }) },
  'linear-scan with long waits': { make: () => linearScan({ slowFaultMs: 0, waitMs: '1s', waits: 3 }) },
  'token-bucket': {
    make: () => tokenBucket({ rate: '20MiB/s', burst: '256KiB' }),
    promises: { bound: { bytesPerSecond: 20 * KiB * KiB, burstBytes: 256 * KiB, exact: true } },
  },
  'token-bucket with a burst of a second': {
    make: () => tokenBucket({ rate: '2MiB/s', burst: '2MiB' }),
    promises: { bound: { bytesPerSecond: 2 * KiB * KiB, burstBytes: 2 * KiB * KiB, exact: true } },
  },
  'token-bucket with an odd rate and a burst of less than a page': {
    make: () => tokenBucket({ rate: 1_000_003, burst: 1 }),
    promises: { bound: { bytesPerSecond: 1_000_003, burstBytes: 1, exact: true } },
  },
  'token-bucket faster than any sink': {
    make: () => tokenBucket({ rate: '1TB/s', burst: '1TiB' }),
    promises: { bound: { bytesPerSecond: 1e12, burstBytes: 2 ** 40 } },
  },
  aimd: { make: () => aimd() },
  'aimd that is never content': {
    make: () => aimd({ targetMs: 0.001, intervalMs: 1, minRate: 4096, maxRate: '100MiB/s' }),
    promises: { bound: { bytesPerSecond: 100 * KiB * KiB, burstBytes: 25 * KiB * KiB } },
  },
  'aimd that keeps most of the time': { make: () => aimd({ targetMs: 0.001, keep: 0.9 }) },
  pid: { make: () => pid() },
  'pid that is never content': {
    make: () => pid({ targetMs: 0.001, intervalMs: 1, minRate: '1MiB/s', maxRate: '100MiB/s', kd: 1 }),
    promises: { bound: { bytesPerSecond: 100 * KiB * KiB, burstBytes: 25 * KiB * KiB } },
  },
  codel: { make: () => codel() },
  'codel that is never content': {
    make: () => codel({ targetMs: 0.01, intervalMs: 1, minWindow: 4096 }),
  },
  reserve: { make: () => reserve() },
  'reserve of everything': { make: () => reserve({ share: 1 }) },
  'reserve of nothing': { make: () => reserve({ share: 0 }) },
  min: {
    make: () => minimum([reserve(), linearScan(), tokenBucket({ rate: '20MiB/s', burst: '256KiB' })]),
    promises: { bound: { bytesPerSecond: 20 * KiB * KiB, burstBytes: 256 * KiB } },
  },
  schedule: {
    make: () => schedule({ rates: '0s:20MiB/s+50ms:0+100ms:1MiB/s+1s:10MiB/s', burst: '256KiB' }),
    promises: { bound: { bytesPerSecond: 20 * KiB * KiB, burstBytes: 256 * KiB } },
  },
  'schedule of one odd rate': {
    make: () => schedule({ rates: '0s:1000003', burst: 1 }),
    promises: { bound: { bytesPerSecond: 1_000_003, burstBytes: 1, exact: true } },
  },
  'schedule that waits, then lets everything go': {
    make: () => schedule({ rates: '0:0+10ms:unlimited+20ms:1MB/s+2s:unlimited' }),
  },
  deadline: { make: () => deadline({ afterMs: '2s' }) },
  'deadline of nobody': { make: () => deadline() },
  gentle: { make: gentle },
};

/** Takes seconds, and hardly depends on a policy's options: once for each policy is enough. */
const LONG_CHECK = 'loses nothing over a million small grants';

describe.each(Object.entries(subjects))('%s', (name, { make, promises }) => {
  const isVariant = name.includes(' ');
  const checks = limiterCompliance(make, promises).filter(
    (check) => !(isVariant && check.name === LONG_CHECK),
  );
  it.each(checks)('$name', ({ run }) => {
    expect(run).not.toThrow();
  });
});

it('every policy is among them', () => {
  const known = builtinPolicies.map(({ name }) => name).filter((name) => name !== 'module');
  expect(Object.keys(subjects)).toEqual(expect.arrayContaining(known));
});
