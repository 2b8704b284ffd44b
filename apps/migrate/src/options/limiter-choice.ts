import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Limiter, loadLimiterModules } from '@stillframe/limiter';

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

/** Loads what the setting names and makes the limiter. Throws LimiterConfigError. Relative paths in `setting` begin at `directory`. */
export async function makeLimiter(setting: LimiterSetting, directory: string): Promise<LimiterChoice> {
  const base = path.resolve(directory);
  const registry = await loadLimiterModules(setting, (file) => importNow(path.resolve(base, file)));
  return { limiter: registry.fromConfig(setting), setting, directory: base };
}

/** As the file is now: Node keeps what it has imported once under a URL, and a reload is for files that have changed. */
async function importNow(file: string): Promise<unknown> {
  const { mtimeMs } = await stat(file);
  return import(/* @vite-ignore */ `${pathToFileURL(file).href}?at=${mtimeMs}`);
}
