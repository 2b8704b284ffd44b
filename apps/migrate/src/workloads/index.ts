export { WorkloadError, type WorkloadErrorCode } from './error.ts';
export {
  describeWorkloads,
  oracleFor,
  parseWorkload,
  startWorkload,
  type WorkloadDescription,
  type WorkloadSpec,
} from './registry.ts';
export { exportDatabase } from './sqlite/sqlite-oracle.ts';
export {
  DEFAULT_VERIFY_TIMEOUT_MS,
  type MemoryRange,
  type Oracle,
  type OracleCheck,
  type OracleReport,
  type StallPhase,
  type StallSummary,
  stallPhases,
  type VerifyOptions,
  type Workload,
  type WorkloadImage,
  type WorkloadOptions,
} from './workload.ts';
