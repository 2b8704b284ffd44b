/** A limiter that breaks a promise of the compliance suite. */
export class ComplianceError extends Error {
  override readonly name = 'ComplianceError';
  readonly code = 'LIMITER_COMPLIANCE';
}

/** Throws unless `condition`; `message` is only made then. */
export function demand(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new ComplianceError(message());
}

/** As JSON, but numbers that JSON does not have are shown as they are. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item,
  );
}
