import type { Command } from 'commander';
import type { FillOptions } from '@stillframe/guests/lazy';
import { CliError } from '../cli-error.ts';
import { chosenCodec } from '../codec.ts';
import { parseBandwidth } from '../options/bandwidth.ts';

export interface LazyFlags {
  readonly lazy?: boolean;
  readonly handoff?: string;
  readonly prefetch?: string;
}

/** Fetching ahead must not take the disk or the cores from who waits for a page. */
const PREFETCH_DEFAULT = '256MiB/s';

export function addLazyOptions(command: Command): Command {
  return command
    .option('--lazy', 'memory at once; pages come when they are first touched, and ahead')
    .option('--handoff <SOCKET>', 'with --lazy: serve the memory of a machine whose monitor connects here')
    .option(
      '--prefetch <RATE>',
      `with --lazy: how fast pages come ahead, or off (default: ${PREFETCH_DEFAULT})`,
    );
}

/** Bytes a second. Throws CliError USAGE for flags that do not go together. */
export function prefetchRate({ lazy, handoff, prefetch }: LazyFlags): number {
  const alone = lazy === true ? undefined : handoff !== undefined ? '--handoff' : prefetch && '--prefetch';
  if (alone !== undefined) {
    throw new CliError('USAGE', `${alone} goes with --lazy`, { hint: 'Add --lazy.' });
  }
  return prefetch === 'off' ? 0 : parseBandwidth(prefetch ?? PREFETCH_DEFAULT, '--prefetch');
}

/** What the thread that fills pages unpacks with, and where it tells what is lost. */
export function fillOptions(): Pick<FillOptions, 'codecModule' | 'tellsStderr'> {
  const native = chosenCodec.implementation !== 'javascript';
  return {
    tellsStderr: true,
    ...(native ? { codecModule: import.meta.resolve('@stillframe/page-codec') } : {}),
  };
}
