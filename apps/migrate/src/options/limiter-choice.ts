import path from 'node:path';
import { type Limiter, limiterFromConfig } from '@stillframe/limiter';

/** A limiter as a config file, a flag or a client writes it: `NAME[,k=v…]`, or a mapping with a name. */
export type LimiterSetting = string | { readonly name: string; readonly [option: string]: unknown };

/** What a limiter is made from. */
export interface LimiterSource {
  readonly setting: LimiterSetting;
  /** Where relative paths in `setting` begin; absolute. */
  readonly directory: string;
}

export interface LimiterChoice extends LimiterSource {
  readonly limiter: Limiter;
}

/** Throws LimiterConfigError. Relative paths in `setting` begin at `directory`. */
export async function makeLimiter(setting: LimiterSetting, directory: string): Promise<LimiterChoice> {
  return { limiter: limiterFromConfig(setting), setting, directory: path.resolve(directory) };
}
