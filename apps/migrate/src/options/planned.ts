import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';

/** An option of the contract that does not work yet: help does not show it, and who asks for it is told so. */
export function addPlannedOptions(command: Command, names: readonly string[], hint: string): Command {
  for (const name of names) {
    command.addOption(new Option(`--${name} [value]`).hideHelp());
    command.on(`option:${name}`, () => {
      throw notYet(`--${name}`, hint);
    });
  }
  return command;
}

function notYet(what: string, hint: string): CliError {
  return new CliError('NOT_AVAILABLE', `${what} is not there yet`, { hint });
}
