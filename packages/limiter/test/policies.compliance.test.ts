import { describe, expect, it } from 'vitest';
import { type CompliancePromises, limiterCompliance } from '../src/compliance.ts';
import { linearScan, none, tokenBucket } from '../src/index.ts';
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
};

describe.each(Object.entries(subjects))('%s', (_name, { make, promises }) => {
  it.each(limiterCompliance(make, promises))('$name', ({ run }) => {
    expect(run).not.toThrow();
  });
});
