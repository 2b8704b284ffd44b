import { CliError } from './cli-error.ts';
import { AtomicFile, type AtomicFileOptions } from './io/atomic-file.ts';
import { type FileOps, realOps } from './io/file-ops.ts';
import { lostReport, type Salvaged, writeSalvaged } from './salvage-image.ts';
import { lostPath } from './salvaged-note.ts';
import type { DamagedImage } from './salvage-pages.ts';

/** The damaged image, and where it is. */
export interface SalvageSource {
  readonly path: string;
  readonly image: DamagedImage;
}

/**
 * The image at `out`, and before it has its name the report of what is lost in it. Rejects with what writing throws; then neither is there, except
 * that the report of a file which has the name may be gone. The last step, removing the report of an earlier image, may fail with the new one there.
 */
export async function salvageInto(
  out: string,
  { path, image }: SalvageSource,
  { signal, key, ops = realOps }: AtomicFileOptions & { readonly signal: AbortSignal },
): Promise<Salvaged> {
  const file = await AtomicFile.create(out, { key, ops });
  file.neededBytes = image.salvage.regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  try {
    const salvaged = await writeSalvaged(image, file, signal);
    // All that needs room, before the report is under its name.
    await file.prepare();
    if (isComplete(salvaged)) {
      await file.commit();
      await removeReport(lostPath(out), ops);
      return salvaged;
    }
    const report = lostReport(path, image.salvage.regions, salvaged);
    await writeReport(lostPath(out), report, ops);
    await file.commit().catch(async (error: unknown) => {
      await removeReport(lostPath(out), ops);
      throw error;
    });
    return salvaged;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** Whether the new image is all that the damaged one was. */
export function isComplete({ lost, stateLost, digestOfSource }: Salvaged): boolean {
  return lost.length === 0 && !stateLost && digestOfSource === 'matches';
}

async function writeReport(path: string, object: object, ops: FileOps): Promise<void> {
  const file = await AtomicFile.create(path, { ops });
  try {
    await file.append([Buffer.from(`${JSON.stringify(object, undefined, 2)}\n`)]);
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** An old one, of a file that has another content now; or the new one, of a file that did not come to be. */
async function removeReport(path: string, ops: FileOps): Promise<void> {
  await ops.unlink(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return;
    throw new CliError('FILE', `cannot remove ${path}`, {
      cause,
      hint: 'It is about another image: remove it.',
    });
  });
}
