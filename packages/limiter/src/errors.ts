/** Stable codes of `UnitError`. */
export type UnitErrorCode = 'UNIT_SYNTAX' | 'UNIT_UNKNOWN' | 'UNIT_RANGE';

/** Text or a number that is no size, rate or duration. `value` is what was given. */
export class UnitError extends Error {
  override readonly name = 'UnitError';
  readonly code: UnitErrorCode;
  readonly value: string | number;
  readonly hint: string;

  constructor(code: UnitErrorCode, message: string, value: string | number, hint: string) {
    super(message);
    this.code = code;
    this.value = value;
    this.hint = hint;
  }
}

/** Stable codes of `LimiterConfigError`. */
export type LimiterConfigErrorCode =
  | 'LIMITER_SYNTAX'
  | 'LIMITER_UNKNOWN_NAME'
  | 'LIMITER_UNKNOWN_OPTION'
  | 'LIMITER_MISSING_OPTION'
  | 'LIMITER_DUPLICATE_OPTION'
  | 'LIMITER_INVALID_OPTION'
  | 'LIMITER_MODULE_LOAD'
  | 'LIMITER_MODULE_INVALID'
  | 'LIMITER_MODULE_NOT_LOADED';

/** A limiter that cannot be built from its configuration. `key` is the option at fault, or `name`. `cause` is what a module's code threw. */
export class LimiterConfigError extends Error {
  override readonly name = 'LimiterConfigError';
  readonly code: LimiterConfigErrorCode;
  readonly key: string;
  readonly hint: string;

  constructor(
    code: LimiterConfigErrorCode,
    key: string,
    message: string,
    hint: string,
    options?: { readonly cause: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.key = key;
    this.hint = hint;
  }
}

/** Longest excerpt of foreign text in a message: enough to recognise a typing error, too short to flood a log. */
const EXCERPT_LENGTH = 64;

/** Foreign text as it may appear in a message: quoted, escaped, bounded. */
export function excerpt(value: unknown): string {
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : typeofOrNull(value);
  const text = value.length > EXCERPT_LENGTH ? `${value.slice(0, EXCERPT_LENGTH)}…` : value;
  return JSON.stringify(text);
}

function typeofOrNull(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === null ? 'null' : `a value of type ${typeof value}`;
}
