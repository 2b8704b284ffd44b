import { readFile, stat } from 'node:fs/promises';
import type { ImageLink } from './chain/image-link.ts';
import type { Report } from './report/report.ts';
import { showCount } from './report/units.ts';

/** Where the report of what a salvaged image has lost goes. */
export function lostPath(imagePath: string): string {
  return `${imagePath}.lost.json`;
}

/** A report of a million runs is larger than this; of such a one it is only said that it is there. */
const REPORT_MAX_BYTES = 16 * 1024 * 1024;

/** As `noteSalvaged`, for all images of a chain. */
export async function noteSalvagedIn(links: readonly ImageLink[], report: Report): Promise<void> {
  for (const { path, identity } of links) {
    // oxlint-disable-next-line no-await-in-loop -- in order
    await noteSalvaged(path, Buffer.from(identity.streamId).toString('hex'), report);
  }
}

/** Says when an image was salvaged, and not whole: its zeros may be no zeros. Never fails because of what is in the report. */
export async function noteSalvaged(path: string, streamId: string, report: Report): Promise<void> {
  const file = lostPath(path);
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) return;
  const lost =
    found.size <= REPORT_MAX_BYTES ? parse(await readFile(file, 'utf8').catch(() => '')) : undefined;
  // That of another image that had the name before.
  if (lost !== undefined && lost.streamId !== streamId) return;
  const what = lost === undefined ? 'parts' : `${showCount(lost.lostPages)} pages`;
  report.talk(`${path} was salvaged: ${what} of it are lost and read as zeros; ${file} says which`);
  report.event({ type: 'salvaged', path, report: file, lostPages: lost?.lostPages ?? null });
}

function parse(text: string): { streamId: unknown; lostPages: number } | undefined {
  try {
    const object: unknown = JSON.parse(text);
    if (typeof object !== 'object' || object === null) return undefined;
    const streamId = 'streamId' in object ? object.streamId : undefined;
    const lostPages = 'lostPages' in object ? Number(object.lostPages) : Number.NaN;
    return Number.isSafeInteger(lostPages) ? { streamId, lostPages } : undefined;
  } catch {
    return undefined;
  }
}
