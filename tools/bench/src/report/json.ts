import { figureOf, type Series } from '../figure.ts';
import { ratioOf, type Row, verdictOf } from '../row.ts';
import type { Report } from './report.ts';

/** JSON lines: `{"type":"row",…}` for each comparison, `{"type":"summary",…}` last. */
export const jsonReport: Report = {
  benchmark: (_name, rows, otherWorkPercent) =>
    rows.map((row) => JSON.stringify({ ...rowObject(row), otherWorkPercent })).join('\n'),
  end: ({ machine, isQuick, isSteady, memcpy, rows }) => {
    const count = (verdict: string): number => rows.filter((row) => verdictOf(row) === verdict).length;
    return JSON.stringify({
      type: 'summary',
      machine,
      quick: isQuick,
      steady: isSteady,
      memcpy: seriesObject(memcpy),
      reached: count('reached'),
      notReached: count('not reached'),
      void: count('void'),
    });
  },
};

function rowObject(row: Row): object {
  const { benchmark, subject, measured, peer, goal, voidBecause, note } = row;
  const ratio = ratioOf(row);
  return {
    type: 'row',
    benchmark,
    subject,
    measured: seriesObject(measured),
    peer: seriesObject(peer),
    // JSON has no infinity.
    ratio: Number.isFinite(ratio) ? ratio : null,
    goal: goal ?? null,
    verdict: verdictOf(row),
    ...(voidBecause === undefined ? {} : { voidBecause }),
    ...(note === undefined ? {} : { note }),
  };
}

function seriesObject(one: Series): object {
  return { name: one.name, unit: one.unit, statistic: one.statistic, ...figureOf(one), samples: one.samples };
}
