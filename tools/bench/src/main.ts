import { probe } from '@stillframe/uffd';
import { parseArguments, USAGE, UsageError } from './arguments.ts';
import { benchmarks } from './benchmarks/index.ts';
import { jsonReport } from './report/json.ts';
import { markdownReport } from './report/markdown.ts';
import { textReport } from './report/text.ts';
import { runBenchmarks } from './run.ts';
import { scaleOf } from './scale.ts';

const REPORTS = { text: textReport, json: jsonReport, markdown: markdownReport };
const EXIT_BUG = 1;
const EXIT_USAGE = 2;
const EXIT_NO_USERFAULTFD = 10;

async function main(argv: readonly string[]): Promise<void> {
  const chosen = parseArguments(
    argv,
    benchmarks.map(({ name }) => name),
  );
  if (chosen.isHelp) return console.log(USAGE);
  if (chosen.isList) {
    for (const { name, summary } of benchmarks) console.log(`${name.padEnd(14)} ${summary}`);
    return;
  }
  const tier = probe().tiers.find(({ name }) => name === 'sync-wp');
  if (tier?.available !== true) {
    console.error(`userfaultfd cannot be used here: ${tier?.reason}. ${tier?.remedy ?? ''}`);
    process.exitCode = EXIT_NO_USERFAULTFD;
    return;
  }
  const report = REPORTS[chosen.format];
  const results = await runBenchmarks({
    benchmarks: benchmarks.filter(({ name }) => chosen.names.length === 0 || chosen.names.includes(name)),
    scale: scaleOf(chosen.isQuick, chosen.rounds),
    isQuick: chosen.isQuick,
    onRows: ({ name }, { rows, otherWorkPercent }) =>
      console.log(report.benchmark(name, rows, otherWorkPercent)),
    progress: (text) => console.error(text),
  });
  console.log(report.end(results));
}

// Node runs no exit handler when a signal ends it: children would go on, and gigabytes of files stay.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
] as const) {
  process.once(signal, () => process.exit(128 + number));
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) console.error(error);
  else console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_BUG;
}
