import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { imagePath } from '../io/image-path.ts';

export interface HalfFlags {
  readonly saveHalf?: string;
}

export function addSaveHalf(command: Command, side: 'source' | 'dest'): Command {
  return command.option(
    '--save-half <PATH>',
    side === 'source'
      ? 'when the guest moves and the link is lost for good after the hand-over: save it here, for `migrate reconcile --join`'
      : 'with --once: when a guest that moves here will not get the rest of its memory, save what has come, for `migrate reconcile --join`',
  );
}

/** The path; undefined when it was not given. Throws CliError USAGE when the guest's memory is not in this process, and FILE. */
export async function chooseHalf({ saveHalf }: HalfFlags, isHere: boolean): Promise<string | undefined> {
  if (saveHalf === undefined) return undefined;
  if (!isHere) {
    throw new CliError('USAGE', '--save-half is for guests whose memory is in this process', {
      hint: 'A machine or a program keeps its memory itself when the move fails: leave it out.',
    });
  }
  await imagePath(saveHalf);
  return saveHalf;
}
