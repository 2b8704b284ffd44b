import type { Row } from '../row.ts';
import type { Report, Results } from './report.ts';
import { textReport } from './text.ts';
import { goalText, otherWorkText, ratioText, remarkText, seriesText, verdictText } from './wording.ts';

/** For documents: one table for each benchmark. */
export const markdownReport: Report = {
  benchmark: (name, rows, otherWorkPercent) =>
    [
      `\n### ${name}\n`,
      tableLine(['what', 'ours', 'against', 'ratio', 'goal', 'verdict']),
      tableLine(['---', '---', '---', '---', '---', '---']),
      ...rows.map(rowLine),
      `\n${otherWorkText(otherWorkPercent)}`,
    ].join('\n'),
  end: (results: Results) =>
    textReport
      .end(results)
      .replaceAll(/\n(?=.)/g, '\n- ')
      .replace('- ', '\n- '),
};

function rowLine(row: Row): string {
  const remark = remarkText(row);
  return tableLine([
    remark === '' ? row.subject : `${row.subject} (${remark})`,
    `${row.measured.name} ${seriesText(row.measured)}`,
    `${row.peer.name} ${seriesText(row.peer)}`,
    ratioText(row),
    goalText(row.goal, row.measured.unit),
    verdictText(row),
  ]);
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
