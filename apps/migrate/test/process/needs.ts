import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** Skips where a program is not installed; in CI that is a failure, like every skip. */
export function needProgram(context: TestContext, ...names: readonly string[]): void {
  for (const name of names) {
    const { error } = spawnSync(name, ['--version'], { stdio: 'ignore' });
    if (error !== undefined) context.skip(`${name} cannot be run: ${error.message}`);
  }
}
