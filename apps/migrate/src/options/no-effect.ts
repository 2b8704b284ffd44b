import { CliError } from '../cli-error.ts';

/** The names that the parser gives to flags, and how they are typed. */
export type FlagNames = Readonly<Record<string, string>>;

/** Of taking a picture of memory that is written to. */
export const CAPTURE_FLAGS: FlagNames = {
  limiter: '--limiter',
  config: '--config',
  preImagesMax: '--pre-images-max',
  overflow: '--overflow',
  discarded: '--discarded',
  control: '--control',
  trace: '--trace',
};

/**
 * Throws CliError USAGE for the first of `names` that was given: whoever bounds a rate or names a file relies on it, so an option that
 * would do nothing is not taken in silence. `where` and `hint` complete the sentences.
 */
export function refuseWithoutEffect(flags: object, names: FlagNames, where: string, hint: string): void {
  const given: Readonly<Record<string, unknown>> = { ...flags };
  const [, flag] = Object.entries(names).find(([name]) => given[name] !== undefined) ?? [];
  if (flag !== undefined) throw new CliError('USAGE', `${flag} does nothing ${where}`, { hint });
}
