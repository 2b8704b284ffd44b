import type { ProcessState } from '@stillframe/guests/core';
import { type FrameSummary, formatDigest } from '@stillframe/page-stream';
import type { ImageSurvey } from '../survey-image.ts';
import { bar, showPercent } from './bars.ts';
import { type MachineImage, machineImageRows } from '../qemu/machine-image.ts';
import { processRows } from './process-text.ts';
import { showBytes, showCount } from './units.ts';

const BAR_CHARACTERS = 24;

/** Kinds of runs in words. */
const KIND_NAMES: Readonly<Record<string, string>> = { data: 'raw', parent: 'inherited' };

/** What is in an image, for people. */
export function inspectText(
  survey: ImageSurvey,
  sizeBytes: number,
  process: ProcessState | undefined,
  machine: MachineImage | undefined,
): string {
  const { regions, state, frames, totals, features } = survey;
  const rows: [string, string][] = [
    ['format', `version ${survey.version}, ${showBytes(sizeBytes)}`],
    ['stream id', survey.streamId],
    ['features', features.length === 0 ? 'none: every reader reads it' : features.join(', ')],
    ...parentRows(survey),
    ...(process === undefined ? regionRows(regions) : processRows(process)),
    ...(machine === undefined ? [] : machineImageRows(machine)),
    ['state', `${state.kind}, ${showBytes(state.sizeBytes)}`],
    ...frames.map(({ type, count, bytes, runs }): [string, string] => [
      type.toLowerCase().replaceAll('_', ' '),
      `${showCount(count)} ${count === 1 ? 'frame' : 'frames'}, ${showBytes(bytes)}${runs > 0 ? `, ${showCount(runs)} runs` : ''}`,
    ]),
    [
      'pages',
      `${showCount(totals.pages)}, ${showCount(totals.zeroPages)} of them zero; ${showBytes(totals.dataBytes)} of data`,
    ],
    ...mixRows(survey),
    ['index', INDEX_WORDS[survey.layout.index]],
    ['layout', layoutText(survey)],
    ['digest', `${formatDigest(totals.digest)} (as stated; not checked here)`],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(13)} ${value}`.trimEnd()).join('\n');
}

function parentRows({ parent }: ImageSurvey): [string, string][] {
  if (parent === null) return [];
  const below = parent.chainLength === 1 ? 'a full image' : `${parent.chainLength} images below`;
  return [['parent', `${parent.streamId}, digest ${parent.digest}; ${below}`]];
}

/** A bar for the pages of each kind, and what they take. */
function mixRows({ mix, totals }: ImageSurvey): [string, string][] {
  return mix.map(({ kind, pages, bytes }) => {
    const share = totals.pages === 0 ? 0 : pages / totals.pages;
    const words = `${showPercent(share).padStart(7)}  ${showCount(pages)} pages${bytes === 0 ? '' : ` in ${showBytes(bytes)}`}`;
    return [`  ${KIND_NAMES[kind] ?? kind}`, `${bar(share, BAR_CHARACTERS)} ${words}`];
  });
}

const INDEX_WORDS: Readonly<Record<ImageSurvey['layout']['index'], string>> = {
  used: 'there, and right',
  absent: 'none: pages are found by walking over the frames',
  damaged: 'damaged: pages are found by walking over the frames',
  unknown: 'cannot be judged: the frames are damaged',
};

function layoutText({ layout: { index, extents, seeks, fragmentation } }: ImageSurvey): string {
  if (index === 'unknown') return 'unknown';
  const order =
    seeks === 0
      ? 'in order'
      : `${showCount(seeks)} steps back, ${showPercent(fragmentation)} of what there could be`;
  return `${showCount(extents)} ${extents === 1 ? 'stretch' : 'stretches'} of pages, ${order}`;
}

function regionRows(regions: ImageSurvey['regions']): [string, string][] {
  return regions.map(({ id, name, sizeBytes, pageSize }) => [
    `region ${id}`,
    `${name}: ${showBytes(sizeBytes)} in pages of ${pageSize} bytes`,
  ]);
}

/** One frame as a line. */
export function frameText({ offset, typeName, frameBytes, pages, chunks }: FrameSummary): string {
  const what =
    pages === undefined
      ? ''
      : `  region ${pages.region}, ${pages.runCount} runs, ${chunks === undefined ? `${pages.dataPages} data and ${pages.zeroPages} zero pages` : kindsText(chunks.pagesByKind)}`;
  return `  @${String(offset).padEnd(12)} ${typeName.padEnd(13)} ${String(frameBytes).padStart(9)} bytes${what}`;
}

function kindsText(pagesByKind: Readonly<Record<string, number>>): string {
  return Object.entries(pagesByKind)
    .filter(([, pages]) => pages > 0)
    .map(([kind, pages]) => `${pages} ${KIND_NAMES[kind] ?? kind}`)
    .join(', ');
}
