const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function showBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BINARY.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${BINARY[unit]}`;
}

export function showMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms >= 100 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(ms >= 10 ? 1 : 2)} ms`;
}

export function showUs(us: number): string {
  return us >= 10_000 ? showMs(us / 1000) : `${us.toFixed(us >= 100 ? 0 : 1)} µs`;
}

export function showCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** Words of others, for a terminal: control characters would speak to it. At most `FOREIGN_MAX_CHARACTERS`. */
export function showForeign(text: string): string {
  const plain = text.replaceAll(/\p{C}/gu, '\uFFFD');
  return plain.length > FOREIGN_MAX_CHARACTERS ? `${plain.slice(0, FOREIGN_MAX_CHARACTERS - 1)}…` : plain;
}

/** One line of a wide terminal. */
const FOREIGN_MAX_CHARACTERS = 100;
