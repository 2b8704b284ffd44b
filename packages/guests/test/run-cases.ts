import { expect, test } from 'vitest';
import type { ComplianceCase } from '@stillframe/snapshot/compliance';

export function runCases(cases: readonly ComplianceCase[]): void {
  test.for(cases)('$name', async ({ skip, run }, context) => {
    if (skip !== undefined) context.skip(skip);
    await expect(run()).resolves.toBeUndefined();
  });
}
