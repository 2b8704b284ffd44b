export { builtinPolicies, describeLimiters, limiterFromConfig, parseLimiter } from './builtin.ts';
export type { LimiterDescription, OptionDescription } from './describe.ts';
export {
  LimiterConfigError,
  type LimiterConfigErrorCode,
  UnitError,
  type UnitErrorCode,
} from './errors.ts';
export { grantFault } from './grant.ts';
export type {
  FaultWait,
  Grant,
  Limiter,
  Observation,
  PreImageLevel,
  SinkLevel,
  Sojourn,
  Step,
} from './limiter.ts';
export type { NumberKind, OptionKind } from './option-kinds.ts';
export { numberOption, type OptionMetadata, type OptionSpec } from './options.ts';
export {
  type LinearScanOptions,
  type LinearScanState,
  linearScan,
  linearScanPolicy,
} from './policies/linear-scan.ts';
export { none, nonePolicy } from './policies/none.ts';
export {
  type TokenBucketOptions,
  type TokenBucketState,
  tokenBucket,
  tokenBucketPolicy,
} from './policies/token-bucket.ts';
export { definePolicy, type LimiterFactory, type LimiterPolicy, type OptionsSchema } from './policy.ts';
export { createLimiterRegistry, type LimiterRegistry } from './registry.ts';
export { parseBytes, parseDurationMs, parseRate } from './units.ts';
export { toWhole } from './whole.ts';
