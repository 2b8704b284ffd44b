import { describe, expect, test } from 'vitest';
import { series } from '../src/figure.ts';
import { jsonReport } from '../src/report/json.ts';
import { markdownReport } from '../src/report/markdown.ts';
import type { Results } from '../src/report/report.ts';
import { textReport } from '../src/report/text.ts';
import { numberText } from '../src/report/wording.ts';
import type { Row } from '../src/row.ts';

const rows: Row[] = [
  {
    benchmark: 'arm',
    subject: '1 GiB | 4 KiB pages',
    measured: series('arm()', 'ms', [8, 9, 10]),
    peer: series('bare ioctl', 'ms', [6, 6, 6]),
    goal: { kind: 'ratioAtMost', limit: 1.2 },
    note: 'as noted',
  },
  { benchmark: 'arm', subject: 'huge', measured: series('a', 'MiB', [1]), peer: series('b', 'MiB', [0]) },
];

const results: Results = {
  machine: {
    cpu: 'C',
    cores: 2,
    memoryGiB: 24,
    kernel: '6.18',
    node: 'v20',
    hugePages: 'madvise',
    load: 0.1,
  },
  isQuick: true,
  memcpy: series('memcpy', 'GB/s', [10, 20]),
  isSteady: false,
  rows,
};

test.each([
  [0, '0'],
  [0.0312, '0.0312'],
  [0.5, '0.500'],
  [8.008, '8.01'],
  [23.46, '23.5'],
  [1234.5, '1235'],
  [Number.POSITIVE_INFINITY, '∞'],
])('%d is written %s', (value, text) => {
  expect(numberText(value)).toBe(text);
});

describe('text', () => {
  test('figures with their spread, ratio, goal and verdict', () => {
    const text = textReport.benchmark('arm', rows, 3.4);
    expect(text).toMatch(
      /arm\(\) 9\.00 ms \(8\.00–10\.0\) +bare ioctl 6\.00 ms \(6\.00–6\.00\) +1\.50 × +≤ 1\.2 × +not reached/,
    );
    expect(text).toContain('as noted');
    expect(text).toContain('meanwhile: 3 %');
  });

  test('says when the machine was not steady', () => {
    expect(textReport.end(results)).toContain('NOT steady');
    expect(textReport.end({ ...results, isSteady: true })).not.toContain('NOT steady');
    expect(textReport.end(results)).toContain('0 reached, 1 not reached');
  });
});

describe('JSON', () => {
  test('every line is an object, with all samples', () => {
    const [first, second] = jsonReport
      .benchmark('arm', rows, 3.4)
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toMatchObject({
      type: 'row',
      otherWorkPercent: 3.4,
      ratio: 1.5,
      verdict: 'not reached',
      measured: { value: 9, min: 8, max: 10, samples: [8, 9, 10], unit: 'ms' },
      peer: { value: 6 },
      goal: { kind: 'ratioAtMost', limit: 1.2 },
    });
    expect(second).toMatchObject({ ratio: null, goal: null, verdict: 'information' });
  });

  test('the summary is one line', () => {
    expect(JSON.parse(jsonReport.end(results))).toMatchObject({
      type: 'summary',
      steady: false,
      quick: true,
      reached: 0,
      notReached: 1,
      void: 0,
      memcpy: { min: 10, max: 20 },
    });
  });
});

test('Markdown: a table whose rows have as many cells as its head', () => {
  const lines = markdownReport
    .benchmark('arm', rows, 3.4)
    .split('\n')
    .filter((line) => line.startsWith('|'));
  expect(lines).toHaveLength(4);
  for (const line of lines) expect(line.replaceAll(String.raw`\|`, '').split('|')).toHaveLength(8);
});
