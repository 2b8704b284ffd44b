import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBrowser, takePicture } from '../src/browser.ts';
import { simulateMatrix } from '../src/matrix.ts';
import { contestants } from '../src/policies.ts';
import { buildModel } from '../src/report/build-model.ts';
import { reportPage } from '../src/report/page.ts';
import { cache } from './global-setup.ts';
import { MIB } from './small.ts';

const browser = await findBrowser().catch(() => undefined);
if (browser === undefined) console.warn('skipped: no Chromium here to open the report in');

/** What a reader does, after the page has started. */
const CLICKS = `
document.querySelector('[data-cell="steady/slow/none"]').click();
const metric = document.querySelector('#metric');
metric.value = 'totalMs';
metric.dispatchEvent(new Event('change'));
const weight = document.querySelector('#weight-totalMs');
weight.value = '0';
weight.dispatchEvent(new Event('input'));
document.querySelector('#theme').click();
document.title = document.querySelector('[aria-pressed=true]').dataset.cell;`;

describe.skipIf(browser === undefined)('in a browser', () => {
  let folder: string;
  let html: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'limiter-lab-test-'));
    const { taking, absent } = contestants('spill');
    const options = { guestBytes: MIB, preImagesMaxBytes: MIB / 4, overflows: ['spill'], seed: 1 } as const;
    const cells = simulateMatrix({ ...options, workloads: ['steady'], sinks: ['slow'] });
    const model = buildModel({ title: 'lab', settings: [], cells, contestants: taking, absent });
    html = reportPage(model, await readFile(path.join(cache, 'client.global.js'), 'utf8'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('a choice draws the report anew', async () => {
    const file = path.join(folder, 'clicked.html');
    await writeFile(file, html.replace('</body>', `<script>${CLICKS}</script></body>`));
    const args = [
      '--headless',
      '--disable-gpu',
      `--user-data-dir=${path.join(folder, 'profile')}`,
      '--dump-dom',
    ];
    if (process.getuid?.() === 0) args.push('--no-sandbox');
    const { stdout } = await promisify(execFile)(browser!, [...args, pathToFileURL(file).href], {
      maxBuffer: 64 * MIB,
      timeout: 50_000,
    });
    expect(/<title>([^<]*)</.exec(stdout)?.[1]).toBe('steady/slow/none');
    expect(/<caption>Total time, ms/.test(stdout)).toBe(true);
    expect(/data-theme="(?:dark|light)"/.test(stdout)).toBe(true);
  });

  it('makes a picture', async () => {
    const [file, png] = [path.join(folder, 'report.html'), path.join(folder, 'report.png')];
    await writeFile(file, html);
    await takePicture(file, png, { width: 400, height: 300 });
    expect((await readFile(png)).subarray(1, 4).toString()).toBe('PNG');
    expect((await stat(png)).size).toBeGreaterThan(1000);
  });
});
