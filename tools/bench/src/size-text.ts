import { GIB, MIB } from './benchmark.ts';

export function sizeText(bytes: number): string {
  return bytes >= GIB && bytes % GIB === 0 ? `${bytes / GIB} GiB` : `${Math.round(bytes / MIB)} MiB`;
}
