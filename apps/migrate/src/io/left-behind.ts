import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Report } from '../report/report.ts';
import { showBytes } from '../report/units.ts';

/** A file that a run to the same name left when it was killed. */
interface LeftBehind {
  readonly path: string;
  readonly sizeBytes: number;
}

/**
 * Tells what runs to `finalPath` that were killed have left beside it, and takes nothing away: whoever writes it may be on another
 * machine, or in a container that is not seen from here. What a process that is seen has open is not told.
 */
export async function tellLeftBehind(finalPath: string, report: Report): Promise<void> {
  for (const { path: left, sizeBytes } of await leftBehind(finalPath)) {
    report.talk(
      `left behind by a run that was killed: ${left} (${showBytes(sizeBytes)}); delete it unless another machine writes it`,
    );
    report.event({ type: 'left-behind', path: left, sizeBytes });
  }
}

async function leftBehind(finalPath: string): Promise<readonly LeftBehind[]> {
  const folder = path.dirname(finalPath);
  const before = `.${path.basename(finalPath)}.`;
  const isOurs = (name: string): boolean =>
    name.startsWith(before) && /^[0-9a-f]{12}\.partial$/.test(name.slice(before.length));
  const names = (await readdir(folder).catch(() => [])).filter(isOurs);
  if (names.length === 0) return [];
  const open = await openFiles();
  const found = names.map(async (name): Promise<LeftBehind[]> => {
    const file = path.join(folder, name);
    // Gone meanwhile: it was somebody's after all.
    const stats = await stat(file).catch(() => undefined);
    if (stats?.isFile() !== true || open.has(keyOf(stats))) return [];
    return [{ path: await realpath(file).catch(() => file), sizeBytes: stats.size }];
  });
  return (await Promise.all(found)).flat();
}

/** Of all processes that may be looked at. */
async function openFiles(): Promise<ReadonlySet<string>> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const keys = new Set<string>();
  for (const pid of pids) {
    // oxlint-disable-next-line no-await-in-loop -- thousands of files at once would be too many
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    // oxlint-disable-next-line no-await-in-loop -- as above
    await Promise.all(
      descriptors.map(async (fd) => {
        const stats = await stat(`/proc/${pid}/fd/${fd}`).catch(() => undefined);
        if (stats !== undefined) keys.add(keyOf(stats));
      }),
    );
  }
  return keys;
}

function keyOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}
