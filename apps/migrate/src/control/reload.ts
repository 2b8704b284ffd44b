import type { CliContext } from '../cli.ts';
import { type CaptureChoice, defaultLimiter, limiterOfFile } from '../options/capture-options.ts';
import { type ConfigFile, readConfigFile } from '../options/config-file.ts';
import { type Report, reportWarning } from '../report/report.ts';
import type { Steering } from './steering.ts';

export interface ReloadOptions {
  readonly context: Pick<CliContext, 'catchHangUp'>;
  readonly report: Report;
  readonly steering: Steering;
  readonly configPath: string;
  readonly capture: CaptureChoice;
  /** `--limiter` goes before the file, also now. */
  readonly isLimiterByFlag: boolean;
}

/** Reads the config file again at each SIGHUP, one after the other. What is wrong with it is a warning, and then nothing changes. */
export function reloadOnHangUp(options: ReloadOptions): AsyncDisposable {
  let reloading = Promise.resolve();
  const release = options.context.catchHangUp(() => {
    reloading = reloading.then(() => reload(options));
  });
  return {
    async [Symbol.asyncDispose]() {
      release();
      await reloading;
    },
  };
}

/** Never rejects. */
async function reload(options: ReloadOptions): Promise<void> {
  const { report, steering, configPath, isLimiterByFlag } = options;
  try {
    const file = readConfigFile(configPath);
    const choice = (await limiterOfFile(file, configPath)) ?? (await defaultLimiter());
    warnOfOthers(file, options);
    if (isLimiterByFlag)
      return report.talk('the limiter is that of --limiter, whatever the config file says');
    if (
      JSON.stringify(choice.setting) === JSON.stringify(steering.source.setting) &&
      !mayHaveChanged(choice.setting)
    ) {
      return report.talk(`${configPath} asks for the same limiter as before`);
    }
    steering.setLimiter(choice, 'reload');
  } catch (error) {
    reportWarning(report, `${configPath} was not read again, nothing changes`, error);
  }
}

/** A module may say something else under the same setting. */
function mayHaveChanged(setting: unknown): boolean {
  return JSON.stringify(setting).includes('module');
}

function fixedKeys({
  preImages,
  discarded,
}: ConfigFile): Readonly<Record<string, string | number | undefined>> {
  return {
    'preImages.maxBytes': preImages?.maxBytes,
    'preImages.overflow': preImages?.overflow,
    'preImages.spillDirectory': preImages?.spillDirectory,
    discarded,
  };
}

/** All but the limiter is fixed when the snapshot begins. */
function warnOfOthers(file: ConfigFile, { report, capture }: ReloadOptions): void {
  const before = fixedKeys(capture.file);
  const after = fixedKeys(file);
  for (const [key, value] of Object.entries(before)) {
    if (after[key] === value) continue;
    const message = `${key} cannot change while a snapshot runs: it stays ${value ?? 'the default'}`;
    report.talk(`warning ${message}`);
    report.event({
      type: 'warning',
      code: 'CONFIG_FIXED',
      message,
      hint: 'It counts from the next snapshot on.',
    });
  }
}
