import { type Series, series } from './figure.ts';

/** Bytes in nanoseconds are gigabytes (10^9) a second. */
export function throughput(name: string, bytes: number, times: readonly { readonly ns: number }[]): Series {
  return series(
    name,
    'GB/s',
    times.map(({ ns }) => bytes / ns),
  );
}
