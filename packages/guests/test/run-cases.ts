import { expect, test } from 'vitest';
import type { ComplianceCase } from '@stillframe/snapshot/compliance';

export function runCases(cases: readonly ComplianceCase[]): void {
  test.for(cases)('$name', async ({ skip, run }, context) => {
    // The suite says why: what this guest cannot do is no case of it.
    if (skip !== undefined) context.skip(skip);
    await expect(run()).resolves.toBeUndefined();
  });
}
