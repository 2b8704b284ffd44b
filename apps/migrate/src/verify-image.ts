import { oracleOfKind } from './oracle-of-kind.ts';
import {
  type OracleCheck,
  type OracleReport,
  WorkloadError,
  type WorkloadErrorCode,
  type WorkloadImage,
} from './workloads/index.ts';

/** What an oracle says of an image. */
export interface ImageCheck {
  /** The kind of guest whose oracle looked; null when there is none for this guest. */
  readonly oracle: string | null;
  /** The oracle looked and agreed. */
  readonly verified: boolean;
  /** The first thing that is wrong; empty when nothing is. */
  readonly message: string;
  readonly checks: readonly OracleCheck[];
}

/** Of a guest that nobody can ask about. */
export const NO_ORACLE: ImageCheck = { oracle: null, verified: false, message: '', checks: [] };

/** What an oracle throws about an image, and not about itself. */
const ABOUT_THE_IMAGE: ReadonlySet<WorkloadErrorCode> = new Set([
  'WORKLOAD_STATE_INVALID',
  'WORKLOAD_MEMORY_CORRUPT',
  'WORKLOAD_ORACLE_TIMEOUT',
]);

/**
 * Asks the oracle for this kind of guest, if there is one. The image may be anything: what an oracle cannot read is not verified.
 * Throws the reason of `signal`.
 */
export async function verifyImage(
  image: WorkloadImage,
  options: { signal?: AbortSignal },
): Promise<ImageCheck> {
  const { kind } = image.state;
  const oracle = oracleOfKind(kind);
  if (oracle === undefined) return NO_ORACLE;
  let report: OracleReport;
  try {
    report = await oracle.verify(image, options);
  } catch (error) {
    if (!(error instanceof WorkloadError && ABOUT_THE_IMAGE.has(error.code))) throw error;
    return { oracle: kind, verified: false, message: error.message, checks: [] };
  }
  const wrong = report.checks.find((check) => !check.ok);
  const message = wrong === undefined ? '' : `${wrong.name}: ${wrong.detail}`;
  return { oracle: kind, verified: report.ok, message, checks: report.checks };
}
