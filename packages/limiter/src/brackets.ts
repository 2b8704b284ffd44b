/** `text` cut at each `separator` that is not inside square brackets, trimmed. Undefined when brackets do not match. */
export function splitOutsideBrackets(text: string, separator: string): readonly string[] | undefined {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let index = 0; index < text.length; index++) {
    const letter = text.charAt(index);
    if (letter === '[') depth += 1;
    if (letter === ']') depth -= 1;
    if (depth < 0) return undefined;
    if (letter !== separator || depth > 0) continue;
    parts.push(text.slice(start, index).trim());
    start = index + 1;
  }
  parts.push(text.slice(start).trim());
  return depth === 0 ? parts : undefined;
}

/** What is between the brackets if `text` begins and ends with one, else `text`. */
export function withoutBrackets(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith('[') && trimmed.endsWith(']') ? trimmed.slice(1, -1) : trimmed;
}
