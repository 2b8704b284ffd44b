import { SnapshotError } from '@stillframe/snapshot';
import type { Report } from './report.ts';

/** Reads an image; when that fails because the image is damaged, tells what is wrong at which byte, before it fails. */
export async function tellDamage<T>(report: Report, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    reportDamage(report, error);
    throw error;
  }
}

function reportDamage(report: Report, error: unknown): void {
  if (!(error instanceof SnapshotError)) return;
  const { streamCode, byteOffset, path } = error.operands;
  if (streamCode === undefined || byteOffset === undefined) return;
  report.talk(`damage ${streamCode} at byte ${byteOffset}${path === undefined ? '' : ` of ${path}`}`);
  report.event({ type: 'damage', streamCode, byteOffset, ...(path === undefined ? {} : { path }) });
}
