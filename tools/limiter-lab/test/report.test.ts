import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { METRIC_NAMES } from '../src/metric.ts';
import { simulateMatrix } from '../src/matrix.ts';
import { contestants } from '../src/policies.ts';
import { buildModel } from '../src/report/build-model.ts';
import { jsonInScript } from '../src/report/markup.ts';
import type { RealModel, ReportModel } from '../src/report/model.ts';
import { DRAWN, reportPage } from '../src/report/page.ts';
import { cellsOf, firstSelection, type Selection } from '../src/report/selection.ts';
import { cache } from './global-setup.ts';
import { MIB } from './small.ts';
import { faultOfMarkup } from './markup-check.ts';

let model: ReportModel;
let html: string;

const REAL: RealModel = {
  workload: 'steady',
  sink: 'slow',
  contestant: 'none',
  real: { longestMs: 4, p99Us: 200, totalMs: 1000, heldMiB: 8, stallMs: 100 },
  simulated: { longestMs: 2, p99Us: 100, totalMs: 1100, heldMiB: 8, stallMs: 100 },
};

beforeAll(async () => {
  const { taking, absent } = contestants('spill');
  const cells = simulateMatrix({
    guestBytes: MIB,
    preImagesMaxBytes: MIB / 4,
    overflows: ['spill', 'stall'],
    seed: 1,
  });
  model = buildModel({
    title: 'A <lab> & more',
    settings: [['guest', '1 MiB']],
    cells,
    contestants: taking,
    absent,
    real: [REAL],
  });
  html = reportPage(model, await readFile(path.join(cache, 'client.global.js'), 'utf8'));
});

/** What is wrong with a drawn part; undefined: nothing. */
function faultOf(part: string, change: Partial<Selection>): string | undefined {
  const drawn = DRAWN[part]!(model, { ...firstSelection(model), ...change });
  if (drawn.length < 500) return `${part} is nearly empty`;
  return /NaN|undefined|Infinity/.exec(drawn)?.[0] ?? faultOfMarkup(drawn);
}

describe('the report', () => {
  it('has every cell of the matrix', () => {
    const scenarios = model.workloads.length * model.sinks.length;
    expect(scenarios).toBe(20);
    for (const overflow of ['spill', 'stall']) {
      expect(cellsOf(model, overflow)).toHaveLength(scenarios * model.contestants.length);
      const heat = DRAWN['heat']!(model, { ...firstSelection(model), overflow });
      const keys = new Set([...heat.matchAll(/data-cell="([^"]+)"/g)].map(([, key]) => key));
      expect(keys.size).toBe(scenarios * model.contestants.length);
      for (const { workload, sink, contestant } of cellsOf(model, overflow)) {
        expect(keys).toContain(`${workload}/${sink}/${contestant}`);
      }
    }
  });

  it('draws every metric and any run', () => {
    for (const metric of METRIC_NAMES) expect(faultOf('heat', { metric })).toBeUndefined();
    for (const { workload, sink, contestant, overflow = 'spill' } of model.cells.filter(
      (_, i) => i % 23 === 0,
    )) {
      expect(faultOf('timelines', { workload, sink, contestant, overflow })).toBeUndefined();
      expect(faultOf('tails', { workload, sink, contestant, overflow })).toBeUndefined();
    }
    expect(faultOf('ranking', {})).toBeUndefined();
    expect(faultOf('front', {})).toBeUndefined();
  });

  it('needs nothing but itself', () => {
    // The name of the SVG namespace, which a library holds, is no address.
    const own = html.replaceAll('http://www.w3.org/2000/svg', '');
    expect(/https?:[^"']{0,40}/i.exec(own)?.[0]).toBeUndefined();
    expect(/@import|url\([^)]|<link|<img|<iframe|\ssrc=|\shref=/i.exec(own)?.[0]).toBeUndefined();
    expect(html.includes("default-src 'none'")).toBe(true);
  });

  it('is well-formed, and its texts are escaped', () => {
    expect(faultOfMarkup(html)).toBeUndefined();
    expect(html.includes('<title>A &lt;lab&gt; &amp; more</title>')).toBe(true);
    const data = /<script type="application\/json" id="model">(.*?)<\/script>/s.exec(html)?.[1];
    expect(data === jsonInScript(model)).toBe(true);
    expect(JSON.stringify(JSON.parse(data ?? '')) === JSON.stringify(model)).toBe(true);
    expect(jsonInScript({ text: '</script><b>' })).not.toContain('<');
  });

  it('says how far the simulator is off', () => {
    expect(/simulated : real.*<b>1\.1 ×<\/b>.*<b>0\.5 ×<\/b>/s.test(html)).toBe(true);
  });

  it('gives every plot a name, and every control', () => {
    expect(html.match(/<svg /g)?.length).toBe(html.match(/<svg [^>]*role="img" aria-label="[^"]+"/g)?.length);
    for (const [select] of html.matchAll(/<label>[^<]*<select[^>]*>/g))
      expect(select).toMatch(/<label>[^<]+</);
    expect(html.includes('<html lang="en">')).toBe(true);
  });
});
