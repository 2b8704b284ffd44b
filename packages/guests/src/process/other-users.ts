import { readdirSync, readFileSync } from 'node:fs';
import { isShared } from './mapping.ts';
import type { MapsLine } from './maps-line.ts';
import type { ProcDirectory } from './proc-directory.ts';

/** How maps writes the file behind a mapping: device and inode in one, told from the rest of the line by spaces. */
export function fileKey({
  devMajor,
  devMinor,
  inode,
}: Pick<MapsLine, 'devMajor' | 'devMinor' | 'inode'>): string {
  return ` ${hex(devMajor)}:${hex(devMinor)} ${inode} `;
}

/**
 * The files (`fileKey`) of shared memory that other processes have mapped too, as far as we may look. Reads the maps of all processes, so
 * it is done before the pause, and only when there is shared memory.
 */
export function mappedByOthers(proc: ProcDirectory, mappings: readonly MapsLine[]): Set<string> {
  const candidates = new Set(
    mappings.filter((mapping) => isShared(mapping) && mapping.inode !== 0n).map(fileKey),
  );
  const found = new Set<string>();
  if (candidates.size === 0) return found;
  for (const name of readdirSync(proc.root)) {
    if (!/^\d+$/.test(name) || Number(name) === proc.pid) continue;
    const maps = mapsOf(`${proc.root}/${name}`);
    for (const key of candidates) if (maps.includes(key)) found.add(key);
  }
  return found;
}

function mapsOf(procPath: string): string {
  try {
    return readFileSync(`${procPath}/maps`, 'utf8');
  } catch {
    return '';
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}
