import { LimiterConfigError, type LimiterConfigErrorCode } from '../errors.ts';

const HINTS = {
  LIMITER_MODULE_LOAD:
    'the path is taken from the file that names it; the file must be JavaScript that Node can import',
  LIMITER_MODULE_INVALID:
    'export { name, create(options) } or a limiter { name, initial, step }; the README of @stillframe/limiter has one to copy',
} satisfies Partial<Record<LimiterConfigErrorCode, string>>;

export function moduleError(code: keyof typeof HINTS, file: string, cause: unknown): LimiterConfigError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const what = code === 'LIMITER_MODULE_LOAD' ? 'cannot be loaded' : 'is not one';
  return new LimiterConfigError(code, 'path', `limiter module ${file} ${what}: ${why}`, HINTS[code], {
    cause,
  });
}
