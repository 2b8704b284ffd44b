import { writeFile } from 'node:fs/promises';
import { BASE_ID } from './base-line.ts';
import { judge } from './goals.ts';
import { LabError } from './lab-error.ts';
import { type Cell, scenarioName } from './matrix.ts';
import { METRIC_NAMES } from './metric.ts';
import { rank } from './rank.ts';

/** Writes what a run of the lab has to say: text or JSON lines on stdout. */
export function jsonLines(cells: readonly Cell[]): string[] {
  const lines: object[] = cells.map(({ run, ...cell }) => ({
    type: 'cell',
    ...cell,
    faultPages: run.faultPages,
    sweptPages: run.sweptPages,
    spilledBytesMax: run.spilledBytesMax,
    limiterSteps: run.limiterSteps,
  }));
  for (const { overflow, ranked, verdicts } of judged(cells)) {
    for (const [index, entry] of ranked.entries()) {
      lines.push({ type: 'rank', overflow, place: index + 1, ...entry });
    }
    for (const verdict of verdicts) lines.push({ type: 'goal', overflow, ...verdict });
  }
  return lines.map((line) => JSON.stringify(line));
}

/** One table for each way that a full store behaves. */
export function textTables(cells: readonly Cell[]): string {
  const tables = judged(cells).map(({ overflow, ranked, verdicts }) => {
    const rows = ranked.map(({ contestant, composite, factors, isPareto }, index) => {
      const verdict = verdicts.find((each) => each.contestant === contestant);
      return [
        String(index + 1),
        contestant,
        composite.toFixed(2),
        ...METRIC_NAMES.map((metric) => factors[metric].toFixed(2)),
        isPareto ? 'front' : '',
        verdict === undefined ? '' : share(verdict.longestShare),
        verdict === undefined ? '' : share(verdict.p99Share),
        verdict === undefined ? '' : verdict.totalRatio.toFixed(2),
        verdict?.reached === true ? 'reached' : '',
      ];
    });
    const head = [
      '#',
      'policy',
      'composite',
      'longest',
      'p99',
      'total',
      'held',
      'integral',
      'Pareto',
      'g.longest',
      'g.p99',
      'g.total',
      'goals',
    ];
    return `a full store: ${overflow}\n${table([head, ...rows])}`;
  });
  return `${tables.join('\n\n')}

composite, longest … integral: times the best of each scenario, geometric mean. Goals, worst scenario: longest stall under a stalling
sink and p99 under a slow one as a share of ${BASE_ID}, total time as a multiple of none.`;
}

export async function writeReport(file: string, html: string): Promise<void> {
  try {
    await writeFile(file, html);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new LabError(
      'LAB_OUTPUT',
      `the report cannot be written: ${said}`,
      'choose another file with --out',
      error,
    );
  }
}

function judged(cells: readonly Cell[]) {
  return [...new Set(cells.map(({ overflow }) => overflow))].map((overflow) => {
    const own = cells
      .filter((cell) => cell.overflow === overflow)
      .map(({ workload, sink, contestant, scores }) => ({
        scenario: scenarioName({ workload, sink }),
        sink,
        contestant,
        scores,
      }));
    return { overflow, ranked: rank(own), verdicts: judge(own) };
  });
}

function share(value: number): string {
  if (Number.isNaN(value)) return '–';
  return value < 0.5 && value > 0 ? `1/${(1 / value).toFixed(value < 0.1 ? 0 : 1)}` : value.toFixed(2);
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((text, column) => (column === 1 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)))
        .join('  '),
    )
    .join('\n');
}
