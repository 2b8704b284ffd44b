import { type Command, Option } from 'commander';

export interface ParentFlags {
  readonly parent: readonly string[];
}

/** `--parent`, for commands that read an image which may be an increment. */
export function addParentOption(command: Command): Command {
  const description = 'an image that an increment builds on, where it is not beside it; may be repeated';
  return command.addOption(
    new Option('--parent <PATH>', description)
      .argParser((path: string, before: readonly string[]) => [...before, path])
      .default([], 'files beside the image'),
  );
}
