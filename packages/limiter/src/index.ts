export { builtinPolicies, describeLimiters, limiterFromConfig, parseLimiter } from './builtin.ts';
export type { LimiterDescription, OptionDescription } from './describe.ts';
export {
  LimiterConfigError,
  type LimiterConfigErrorCode,
  UnitError,
  type UnitErrorCode,
} from './errors.ts';
export { grantFault } from './grant.ts';
export { type JsonSchema, limiterJsonSchema } from './json-schema.ts';
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
export type {
  LimiterModule,
  OptionsValidator,
  ValidatorIssue,
  ValidatorResult,
} from './module/limiter-module.ts';
export { loadLimiterModules } from './module/load-modules.ts';
export { modulePolicy } from './module/module-policy.ts';
export type { NumberKind, OptionKind } from './option-kinds.ts';
export { type LimiterConfig, type LimitersSpec, limitersOption } from './limiters-option.ts';
export { numberOption, type OptionMetadata, type OptionSpec } from './options.ts';
export { aimd, type AimdOptions, aimdPolicy, type AimdState } from './policies/aimd.ts';
export { codel, type CodelOptions, codelPolicy, type CodelState } from './policies/codel.ts';
export { deadline, type DeadlineOptions, deadlinePolicy, type DeadlineState } from './policies/deadline.ts';
export { gentle, gentlePolicy } from './policies/gentle.ts';
export {
  type LinearScanOptions,
  type LinearScanState,
  linearScan,
  linearScanPolicy,
} from './policies/linear-scan.ts';
export { minPolicy } from './policies/min.ts';
export { minimum, type MinimumState } from './policies/minimum.ts';
export { none, nonePolicy } from './policies/none.ts';
export { pid, type PidOptions, pidPolicy, type PidState } from './policies/pid.ts';
export { reserve, type ReserveOptions, reservePolicy } from './policies/reserve.ts';
export { schedule, type ScheduleOptions, schedulePolicy, type ScheduleState } from './policies/schedule.ts';
export {
  type TokenBucketOptions,
  type TokenBucketState,
  tokenBucket,
  tokenBucketPolicy,
} from './policies/token-bucket.ts';
export { definePolicy, type LimiterFactory, type LimiterPolicy, type OptionsSchema } from './policy.ts';
export { type Replayed, type ReplayStart, replay } from './replay.ts';
export { parseRatio } from './ratio.ts';
export { createLimiterRegistry, type LimiterRegistry } from './registry.ts';
export { parseBytes, parseDurationMs, parseRate } from './units.ts';
export { toWhole } from './whole.ts';
