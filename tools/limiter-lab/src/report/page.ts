import { METRIC_NAMES, METRICS, FLOORS } from '../metric.ts';
import { BASE_ID } from '../base-line.ts';
import { front } from './front.ts';
import { heatMap } from './heat-map.ts';
import { escapeText, figure, jsonInScript } from './markup.ts';
import type { Named, ReportModel } from './model.ts';
import { rankingTable } from './ranking.ts';
import { realTable } from './real-table.ts';
import { replayPlots } from './replay-plots.ts';
import { firstSelection, type Selection } from './selection.ts';
import { STYLE } from './style.ts';
import { tails } from './tails.ts';
import { timelines } from './timelines.ts';

/** The parts that change with the selection, by the id of their element. */
export const DRAWN: Readonly<Record<string, (model: ReportModel, selection: Selection) => string>> = {
  ranking: rankingTable,
  front,
  heat: heatMap,
  timelines,
  tails,
};

/** One file that needs nothing else: no request leaves it. `script` is what makes it interactive; without it the first selection stays. */
export function reportPage(model: ReportModel, script: string): string {
  const selection = firstSelection(model);
  const body = model.cells.length === 0 ? '' : matrixBody(model, selection);
  const replay =
    model.replay === undefined
      ? ''
      : `<section><h2>A recorded run</h2>${replayPlots(model.replay)}</section>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeText(model.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeText(model.title)}</h1>${settings(model)}</header>
<main>${body}${replay}</main>
<script type="application/json" id="model">${jsonInScript(model)}</script>
<script>${script.replaceAll('</script', String.raw`<\/script`)}</script>
</body>
</html>
`;
}

function settings(model: ReportModel): string {
  const items = model.settings.map(
    ([name, value]) => `<li>${escapeText(name)} <b>${escapeText(value)}</b></li>`,
  );
  return `<ul class="settings">${items.join('')}</ul>`;
}

function matrixBody(model: ReportModel, selection: Selection): string {
  const part = (id: string): string =>
    `<div id="${id}" aria-live="off">${DRAWN[id]!(model, selection)}</div>`;
  return `
<p>Which policy should decide how fast a live snapshot sweeps? Every policy takes the same snapshots in a simulator of guest, fault thread, pre-image store, sweep and sink. The base line is <b>${BASE_ID}</b>: QEMU’s write-tracking limiter of 2020 in its own page-by-page mode.</p>
${controls(model, selection)}
<section><h2>Ranking</h2><p class="dim">Composite: how many times worse than the best of each scenario, as a weighted geometric mean; 1.00 would be the best in everything. The weights are a judgement: move them. “Front”: no other policy is at least as good in all five and better in one.</p>${weights(selection)}${part('ranking')}</section>
<section><h2>The trade</h2><p class="dim">Slowing the sweep down costs total time. Filled: on the Pareto front of all five metrics.</p>${part('front')}</section>
<section><h2>Every cell</h2>${part('heat')}</section>
<section><h2>One run over time</h2><p class="dim">Two policies in the scenario chosen above, on the same scales.</p>${part('timelines')}</section>
<section><h2>How long writes take</h2><p class="dim">Down is rarer, right is longer. Solid: the policy chosen; dashed: the one it is compared with; thin: all others.</p>${part('tails')}</section>
<section><h2>How far the simulator is off</h2>${realTable(model.real)}</section>
${explanations(model)}`;
}

function controls(model: ReportModel, selection: Selection): string {
  const names = model.contestants.map(({ id }) => ({ name: id, summary: id }));
  const metrics = METRIC_NAMES.map((name) => ({ name, summary: METRICS[name].title }));
  const overflows = model.overflows.map((name) => ({
    name,
    summary: name === 'spill' ? 'spills (default)' : 'makes writers wait',
  }));
  return `<form class="controls sticky" aria-label="What is shown" onsubmit="return false">
${picker('overflow', 'A full store', overflows, selection.overflow, true)}
${picker('metric', 'Colours show', metrics, selection.metric, true)}
${picker('workload', 'Workload', model.workloads, selection.workload)}
${picker('sink', 'Sink', model.sinks, selection.sink)}
${picker('contestant', 'Policy', names, selection.contestant)}
${picker('versus', 'compared with', names, selection.versus)}
<button type="button" id="theme">light / dark</button></form>`;
}

function picker(
  id: string,
  label: string,
  options: readonly Named[],
  chosen: string,
  bySummary = false,
): string {
  const items = options.map(
    ({ name, summary }) =>
      `<option value="${escapeText(name)}"${name === chosen ? ' selected' : ''} title="${escapeText(summary)}">${escapeText(bySummary ? summary : name)}</option>`,
  );
  return `<label>${label}<select id="${id}">${items.join('')}</select></label>`;
}

function weights({ weights: own }: Selection): string {
  const sliders = METRIC_NAMES.map(
    (name) =>
      `<label>${METRICS[name].title}<input type="range" min="0" max="1" step="0.05" value="${own[name]}" id="weight-${name}"></label>`,
  );
  return `<form class="controls" aria-label="Weights" onsubmit="return false">${sliders.join('')}<button type="button" id="weights-reset">as given</button></form>`;
}

function explanations(model: ReportModel): string {
  const floors = METRIC_NAMES.map(
    (name) => `${METRICS[name].title.toLowerCase()} ${figure(FLOORS[name])} ${METRICS[name].unit}`,
  );
  const absent =
    model.absent.length === 0
      ? ''
      : `<h3>Not here</h3>${list(model.absent.map(({ policy, reason }) => ({ name: policy, summary: reason })))}`;
  return `<section><h2>What was run</h2><h3>Workloads</h3>${list(model.workloads)}<h3>Sinks</h3>${list(model.sinks)}${absent}
<h3>How it is counted</h3><p>All numbers are of writes between the cut and the last page, counted where the writer feels them. Below these values two figures count as equal in ratios, ranking and colours: ${floors.join(', ')}. Values themselves are shown as they are.</p></section>`;
}

function list(items: readonly Named[]): string {
  const pairs = items.map(
    ({ name, summary }) => `<dt>${escapeText(name)}</dt><dd>${escapeText(summary)}</dd>`,
  );
  return `<dl>${pairs.join('')}</dl>`;
}
