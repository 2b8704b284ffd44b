export { type ArrivalRun, receiveGuest, type ReceiveGuestOptions } from './destination/receive-guest.ts';
export { MigrationError, type MigrationErrorCode } from './error.ts';
export type * from './event.ts';
export type * from './guest.ts';
export {
  type DestinationRecord,
  type HandOverRecord,
  noRecord,
  reconcileRecords,
  type SourceRecord,
} from './hand-over/record.ts';
export { type MigrationTimeouts, migrationTimeouts } from './link/timeouts.ts';
export { PageSet } from './pages/page-set.ts';
export type * from './policy/convergence.ts';
export {
  DEFAULT_DOWNTIME_MS,
  DEFAULT_MAX_ROUNDS,
  DEFAULT_TOTAL_RATIO,
  hybridPolicy,
  type HybridPolicyOptions,
  precopyPolicy,
  type PrecopyPolicyOptions,
} from './policy/precopy-policy.ts';
export { migrateGuest, type MigrateOptions, type MigrationRun } from './source/migrate-guest.ts';
