/** A limiter that breaks a promise of the compliance suite. */
export class ComplianceError extends Error {
  override readonly name = 'ComplianceError';
  readonly code = 'LIMITER_COMPLIANCE';
}

/** Throws unless `condition`; `message` is only made then. */
export function demand(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new ComplianceError(message());
}
