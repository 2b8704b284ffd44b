/**
 * Bytes as text: two hexadecimal digits each, `41*4096` for a byte that is repeated. A line may begin with its offset and a colon,
 * which must be right; what follows a semicolon is a remark.
 */
export function parseHexText(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const line of text.split('\n')) {
    const [, offset, content = ''] = /^(?:([0-9a-f]+):)?([^;]*)/.exec(line) ?? [];
    if (offset !== undefined && Number.parseInt(offset, 16) !== bytes.length) {
      throw new Error(`"${line}" stands at offset ${bytes.length.toString(16)}`);
    }
    for (const word of content.split(/\s+/).filter((part) => part !== '')) {
      const [, byte, times = '1'] = /^([0-9a-f]{2})(?:\*(\d+))?$/.exec(word) ?? [];
      if (byte === undefined) throw new Error(`"${word}" is no byte`);
      for (let i = 0; i < Number(times); i++) bytes.push(Number.parseInt(byte, 16));
    }
  }
  return Uint8Array.from(bytes);
}

/** A repeated byte is written as such from this length on. */
const REPEAT_BYTES = 32;

export function formatHexText(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const repeated = repeats(bytes, at);
    if (repeated >= REPEAT_BYTES) {
      lines.push(`${label(at)}: ${digits(bytes[at])}*${repeated}`);
      at += repeated;
      continue;
    }
    const words: string[] = [];
    const start = at;
    while (at < bytes.length && words.length < 16 && repeats(bytes, at) < REPEAT_BYTES) {
      words.push(digits(bytes[at++]));
    }
    lines.push(`${label(start)}: ${words.join(' ')}`);
  }
  return `${lines.join('\n')}\n`;
}

function repeats(bytes: Uint8Array, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] === bytes[at]) end++;
  return end - at;
}

function digits(byte = 0): string {
  return byte.toString(16).padStart(2, '0');
}

function label(at: number): string {
  return at.toString(16).padStart(4, '0');
}
