import { METRICS } from '../metric.ts';
import { escapeText, figure, times } from './markup.ts';
import type { RealModel } from './model.ts';

const COMPARED = ['totalMs', 'p99Us', 'longestMs'] as const;

/** Real runs beside their simulations: how far the simulator is off. */
export function realTable(real: readonly RealModel[]): string {
  if (real.length === 0) {
    return '<p class="dim">No real runs in this report. <code>./run lab --real</code> makes them and says how far the simulator is off.</p>';
  }
  const heads = COMPARED.map(
    (metric) => `<th colspan="3" scope="colgroup">${METRICS[metric].title}, ${METRICS[metric].unit}</th>`,
  );
  const subheads = COMPARED.map(
    () => '<th scope="col">real</th><th scope="col">simulated</th><th scope="col">simulated : real</th>',
  );
  const rows = real.map(({ workload, sink, contestant, real: measured, simulated }) => {
    const cells = COMPARED.map(
      (metric) =>
        `<td class="number">${figure(measured[metric])}</td><td class="number">${figure(simulated[metric])}</td><td class="number"><b>${times(simulated[metric] / measured[metric])}</b></td>`,
    );
    return `<tr><th scope="row">${escapeText(contestant)}</th><td>${escapeText(workload)}</td><td>${escapeText(sink)}</td>${cells.join('')}</tr>`;
  });
  return `<div class="scroll"><table class="real"><caption>Medians of the rounds; of the longest stall the worst, which is a matter of luck.</caption><thead><tr><th rowspan="2" scope="col">Policy</th><th rowspan="2" scope="col">Workload</th><th rowspan="2" scope="col">Sink</th>${heads.join('')}</tr><tr>${subheads.join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table></div>`;
}
