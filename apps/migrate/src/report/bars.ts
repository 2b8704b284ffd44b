/** Eighths of a character cell, from the left. */
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

/** A share of 0 to 1 as a bar that takes `width` characters; what is there at all has at least an eighth of one. */
export function bar(share: number, width: number): string {
  const eighths = share <= 0 ? 0 : Math.max(1, Math.round(Math.min(1, share) * width * 8));
  return ('█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!).padEnd(width);
}

/** Some, but not all. */
const SHADES = ['░', '▒', '▓'] as const;

/** Shares of 0 to 1 as one character each: `·` only for nothing, `█` only for all. */
export function shades(shares: readonly number[]): string {
  return shares.map(shade).join('');
}

function shade(share: number): string {
  if (share <= 0) return '·';
  if (share >= 1) return '█';
  return SHADES[Math.floor(share * SHADES.length)]!;
}

export function showPercent(share: number): string {
  return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 2 : 1)} %`;
}
