import { type Row, verdictOf } from '../row.ts';
import type { Report, Results } from './report.ts';
import { goalText, otherWorkText, ratioText, remarkText, seriesText, verdictText } from './wording.ts';

/** For people. */
export const textReport: Report = {
  benchmark: (name, rows, otherWorkPercent) =>
    `\n${name}\n${rows.map(rowText).join('\n')}\n  ${otherWorkText(otherWorkPercent)}`,
  end: (results) => `\n${endText(results)}`,
};

function rowText(row: Row): string {
  const remark = remarkText(row);
  const figures = [
    `${row.measured.name} ${seriesText(row.measured)}`.padEnd(44),
    `${row.peer.name} ${seriesText(row.peer)}`.padEnd(48),
    ratioText(row).padStart(8),
    goalText(row.goal, row.measured.unit).padEnd(10),
    verdictText(row),
  ];
  const lines = [`  ${row.subject}`, `    ${figures.join('  ').trimEnd()}`];
  if (remark !== '') lines.push(`    ${remark}`);
  return lines.join('\n');
}

function endText({ machine, memcpy, isSteady, isQuick, rows }: Results): string {
  const count = (verdict: string): number => rows.filter((row) => verdictOf(row) === verdict).length;
  const { cpu, cores, memoryGiB, kernel, node, hugePages, load } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, transparent huge pages: ${hugePages}, load ${load.toFixed(2)}`,
    `the same memcpy throughout: ${seriesText(memcpy)}${isSteady ? '' : '. The machine was NOT steady: do not quote these figures'}`,
    ...(isQuick ? ['a quick run: small memory, few rounds'] : []),
    `goals: ${count('reached')} reached, ${count('not reached')} not reached, ${count('void')} void`,
  ].join('\n');
}
