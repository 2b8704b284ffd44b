const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for HTML and SVG, in content and in quoted attributes. */
export function escapeText(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** JSON that may stand in a script element. */
export function jsonInScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** Three digits at most, thousands apart: 1 234, 12.3, 0.123. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 100) return groups(Math.round(value));
  return String(Number(value.toPrecision(size < 0.01 ? 1 : size < 10 ? 2 : 3)));
}

/** How many times as much, without a sign that needs explaining: `1/52`, `0.8 ×`, `3.1 ×`. */
export function times(ratio: number): string {
  if (!Number.isFinite(ratio)) return '–';
  if (ratio < 0.5 && ratio > 0) return `1/${figure(1 / ratio)}`;
  return `${figure(ratio)} ×`;
}

function groups(value: number): string {
  return String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, '\u202f');
}
