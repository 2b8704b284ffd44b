import { spawnSync } from 'node:child_process';

/** Why redis-server cannot be measured, printed; undefined when it can. */
export function whyNoRedis(): string | undefined {
  for (const program of ['redis-server', 'redis-benchmark', 'gcore']) {
    const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
    if (error === undefined) continue;
    console.warn(`skipped: ${error.message}`);
    return error.message;
  }
  return undefined;
}
