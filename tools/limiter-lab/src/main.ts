import { parseArguments, USAGE } from './arguments.ts';
import { lab } from './lab.ts';
import { LabError } from './lab-error.ts';
import { listText } from './list.ts';

const EXIT_BUG = 1;

async function main(argv: readonly string[]): Promise<void> {
  const chosen = parseArguments(argv);
  if (chosen.isHelp) return console.log(USAGE);
  if (chosen.isList) return console.log(listText());
  await lab(chosen, {
    result: (line) => console.log(line),
    progress: (text) => console.error(text),
  });
}

// Node runs no exit handler when a signal ends it: children would go on.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof LabError) console.error(`${error.message}\n${error.hint}`);
  else console.error(error);
  process.exitCode = error instanceof LabError ? error.exitCode : EXIT_BUG;
}
