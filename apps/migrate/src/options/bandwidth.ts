import { parseRate } from '@stillframe/limiter';
import { CliError } from '../cli-error.ts';

/** Links are sold in bits, and in powers of ten. */
const BITS_PER_SECOND: ReadonlyMap<string, number> = new Map([
  ['bit/s', 1],
  ['kbit/s', 1e3],
  ['Mbit/s', 1e6],
  ['Gbit/s', 1e9],
  ['Tbit/s', 1e12],
]);

/** Bytes per second, more than 0: `1Gbit/s`, or a rate as limiters take it, `100MiB/s`. @throws CliError, UnitError. */
export function parseBandwidth(text: string, flag: string): number {
  const [, amount = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*bit\/s)\s*$/.exec(text) ?? [];
  const factor = BITS_PER_SECOND.get(unit);
  const bytesPerSecond = factor === undefined ? parseRate(text) : (Number(amount) * factor) / 8;
  if (bytesPerSecond >= 1 && Number.isFinite(bytesPerSecond)) return bytesPerSecond;
  throw new CliError('USAGE', `${flag} takes a speed above 0, not ${JSON.stringify(text)}`, {
    hint: `For example ${flag} 1Gbit/s or ${flag} 100MiB/s`,
  });
}
