import { byMetric, type Metric, METRIC_NAMES } from '../../metric.ts';
import { WEIGHTS, type Weights } from '../../rank.ts';
import type { ReportModel } from '../model.ts';
import { DRAWN } from '../page.ts';
import { firstSelection, type Selection } from '../selection.ts';

// Runs in the page: draws again what a choice has changed. The page is complete without it.

const PICKERS = ['overflow', 'metric', 'workload', 'sink', 'contestant', 'versus'] as const;
const SHOWN_WITH_RUNS = ['heat', 'timelines', 'tails', 'ranking', 'front'];

function start(): void {
  const model: ReportModel = JSON.parse(document.querySelector('#model')?.textContent ?? '{}');
  if (model.cells.length === 0) return;
  let selection = firstSelection(model);

  const select = (change: Partial<Selection>): void => {
    selection = { ...selection, ...change };
    for (const id of PICKERS) {
      const picker = document.querySelector<HTMLSelectElement>(`#${id}`);
      if (picker !== null) picker.value = selection[id];
    }
    draw(model, selection);
  };

  for (const id of PICKERS) {
    document.querySelector(`#${id}`)?.addEventListener('change', (event) => {
      if (event.target instanceof HTMLSelectElement) select({ [id]: event.target.value });
    });
  }
  for (const name of METRIC_NAMES) {
    document
      .querySelector(`#weight-${name}`)
      ?.addEventListener('input', () => select({ weights: readWeights() }));
  }
  document.querySelector('#weights-reset')?.addEventListener('click', () => {
    for (const name of METRIC_NAMES) slider(name).value = String(WEIGHTS[name]);
    select({ weights: WEIGHTS });
  });
  document.querySelector('#theme')?.addEventListener('click', toggleTheme);
  document.addEventListener('click', (event) => {
    const target = event.target instanceof Element ? event.target.closest('button') : null;
    if (target?.dataset['cell'] !== undefined) select(cellAt(target.dataset['cell']));
    if (target?.dataset['contestant'] !== undefined) select({ contestant: target.dataset['contestant'] });
  });
}

function draw(model: ReportModel, selection: Selection): void {
  const focused = focusKey();
  for (const id of SHOWN_WITH_RUNS) {
    const element = document.querySelector(`#${id}`);
    const left = element?.querySelector('.scroll')?.scrollLeft ?? 0;
    if (element !== null) element.innerHTML = DRAWN[id]!(model, selection);
    const scroll = element?.querySelector('.scroll');
    if (scroll !== null && scroll !== undefined) scroll.scrollLeft = left;
  }
  // The button that had the focus was drawn anew; the keyboard stays where it was.
  if (focused !== undefined) document.querySelector<HTMLElement>(focused)?.focus({ preventScroll: true });
}

function focusKey(): string | undefined {
  const { activeElement } = document;
  if (!(activeElement instanceof HTMLElement)) return undefined;
  const { cell, contestant } = activeElement.dataset;
  if (cell !== undefined) return `[data-cell="${CSS.escape(cell)}"]`;
  return contestant === undefined ? undefined : `[data-contestant="${CSS.escape(contestant)}"]`;
}

function cellAt(key: string): Pick<Selection, 'workload' | 'sink' | 'contestant'> {
  const [workload = '', sink = '', ...rest] = key.split('/');
  return { workload, sink, contestant: rest.join('/') };
}

function slider(name: Metric): HTMLInputElement {
  return document.querySelector<HTMLInputElement>(`#weight-${name}`)!;
}

function readWeights(): Weights {
  return byMetric((name) => Number(slider(name).value));
}

function toggleTheme(): void {
  const { documentElement: root } = document;
  const isDark =
    root.dataset['theme'] === undefined
      ? matchMedia('(prefers-color-scheme: dark)').matches
      : root.dataset['theme'] === 'dark';
  root.dataset['theme'] = isDark ? 'light' : 'dark';
}

start();
