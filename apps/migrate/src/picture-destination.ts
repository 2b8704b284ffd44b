import type { SealKey } from '@stillframe/sealed-file';
import type { Target } from '@stillframe/snapshot';
import { CliError } from './cli-error.ts';
import type { CliContext } from './cli.ts';
import { imageOpener } from './io/image-file.ts';
import { imagePath } from './io/image-path.ts';
import { tellLeftBehind } from './io/left-behind.ts';
import { memoryTarget } from './io/memory-target.ts';
import { streamFileTarget } from './io/stream-file-target.ts';
import { loadImage } from './load-image.ts';
import { MachineTarget } from './qemu/machine-target.ts';
import { qemuOf, untilEnded } from './qemu/restore-to-machine.ts';
import type { Report } from './report/report.ts';
import { assertNotInChain, type OpenParent } from './series/parent-image.ts';
import { type ImageCheck, NO_ORACLE, verifyImage } from './verify-image.ts';

/** Where a picture goes that a source sends. */
export interface PictureDestination {
  readonly target: Target;
  /** Asks the oracle about what arrived, read back from where it is: when everything came, before the commit. */
  check(signal: AbortSignal): Promise<ImageCheck>;
  readonly words: string;
  /** Who owns the memory after the commit goes on: resolves when that has ended. */
  ended?(): Promise<unknown>;
}

export interface IntoChoice {
  /** As `--into` was given. */
  readonly into: string;
  readonly key: SealKey | undefined;
  readonly program: readonly string[];
  readonly isJson: boolean;
}

/** Throws CliError USAGE and FILE. The result makes one for each picture. */
export async function chooseDestination(
  { into, key, program, isJson }: IntoChoice,
  parent: OpenParent | undefined,
  context: CliContext,
  report: Report,
): Promise<() => PictureDestination> {
  if (into === 'memory') {
    return () => {
      const target = memoryTarget();
      return { target, check: (signal) => verifyImage(target.image(), { signal }), words: 'memory' };
    };
  }
  if (into === 'qemu') {
    const command = qemuOf(program);
    return () => {
      const target = new MachineTarget({ command, stdout: isJson ? 'stderr' : 'stdout' });
      const ended = () => untilEnded(target, context.signal);
      return { target, check: async () => NO_ORACLE, words: 'qemu', ended };
    };
  }
  if (into === 'exec') return refuseAll;
  const path = /^file:(.+)$/.exec(into)?.[1];
  if (path === undefined) {
    throw new CliError('USAGE', `--into ${into} is nothing I know`, {
      hint: 'Use --into memory, --into file:PATH, --into exec -- COMMAND, or --into qemu -- COMMAND.',
    });
  }
  await tellLeftBehind(await imagePath(path), report);
  if (parent !== undefined) await assertNotInChain([path], parent);
  return () => {
    const target = streamFileTarget(path, { key });
    return {
      target,
      words: path,
      async check(signal) {
        await target.complete();
        await using loaded = await loadImage(target.temporaryPath, {
          parents: parent?.paths ?? [],
          mayBeUnused: true,
          open: imageOpener(key),
          context: { ...context, signal },
          report: { ...report, event: () => undefined },
        });
        return await verifyImage(loaded.image, { signal });
      },
    };
  };
}

async function refuse(): Promise<never> {
  throw new CliError('REFUSED', 'the source sends a picture, and --into exec takes a guest that moves', {
    hint: 'Take it with --into file:PATH, then `migrate restore PATH --into exec -- COMMAND`.',
  });
}

/** A program that waits for a guest takes no picture. Refused as a target refuses, so that the source hears why. */
function refuseAll(): PictureDestination {
  const target = {
    allocate: refuse,
    writeState: refuse,
    writePages: refuse,
    commit: refuse,
    discard: async () => undefined,
  };
  return { target, check: async () => NO_ORACLE, words: 'nothing' };
}
