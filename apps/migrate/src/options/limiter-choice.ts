import { type Limiter, limiterFromConfig } from '@stillframe/limiter';

/** A limiter as a config file, a flag or a client writes it: `NAME[,k=v…]`, or a mapping with a name. */
export type LimiterSetting = string | { readonly name: string; readonly [option: string]: unknown };

/** A limiter, and what it was made from. */
export interface LimiterChoice {
  readonly limiter: Limiter;
  readonly setting: LimiterSetting;
}

/** Throws LimiterConfigError. Relative paths in `setting` begin at `directory`. */
export async function makeLimiter(setting: LimiterSetting, _directory: string): Promise<LimiterChoice> {
  return { limiter: limiterFromConfig(setting), setting };
}
