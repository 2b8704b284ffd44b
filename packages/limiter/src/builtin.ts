import type { LimiterDescription } from './describe.ts';
import type { Limiter } from './limiter.ts';
import { aimdPolicy } from './policies/aimd.ts';
import { codelPolicy } from './policies/codel.ts';
import { deadlinePolicy } from './policies/deadline.ts';
import { gentlePolicy } from './policies/gentle.ts';
import { linearScanPolicy } from './policies/linear-scan.ts';
import { minPolicy } from './policies/min.ts';
import { nonePolicy } from './policies/none.ts';
import { pidPolicy } from './policies/pid.ts';
import { reservePolicy } from './policies/reserve.ts';
import { schedulePolicy } from './policies/schedule.ts';
import { tokenBucketPolicy } from './policies/token-bucket.ts';
import { modulePolicy } from './module/module-policy.ts';
import type { LimiterPolicy } from './policy.ts';
import { createLimiterRegistry } from './registry.ts';

/** The policies of this package. Give them to `createLimiterRegistry` together with your own. */
export const builtinPolicies: readonly LimiterPolicy[] = [
  nonePolicy,
  linearScanPolicy,
  tokenBucketPolicy,
  schedulePolicy,
  deadlinePolicy,
  aimdPolicy,
  pidPolicy,
  codelPolicy,
  reservePolicy,
  gentlePolicy,
  minPolicy,
  modulePolicy,
];

const registry = createLimiterRegistry(builtinPolicies);

/** A built-in limiter from the shorthand `NAME[,k=v…]`, like `linear-scan,waits=100`. @throws {LimiterConfigError} */
export function parseLimiter(text: string): Limiter {
  return registry.parse(text);
}

/**
 * A built-in limiter from a parsed YAML or JSON value, like `{ name: 'token-bucket', rate: '200MiB/s' }`; a string is the shorthand.
 * @throws {LimiterConfigError}
 */
export function limiterFromConfig(value: unknown): Limiter {
  return registry.fromConfig(value);
}

/** The built-in limiters with their options, defaults and descriptions, for help text. */
export function describeLimiters(): readonly LimiterDescription[] {
  return registry.describe();
}
