import type { Options } from 'tsup';

/**
 * Bundles programs from the sources of the workspace into `folder`, so that tests can start them before anything is built; only the native
 * addons have to be there. `entry` has the file of each by its name there. Everything is bundled, except what `options` say otherwise.
 */
export declare function bundleFromSource(
  folder: string,
  entry: Readonly<Record<string, string>>,
  options?: Omit<Options, 'entry' | 'outDir' | 'config'>,
): Promise<void>;
