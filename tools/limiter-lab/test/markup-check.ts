const VOID = new Set(['meta', 'br', 'input', 'col', '!doctype']);

/** What keeps HTML or SVG from being well-formed: an element that is not closed, or closed by another. Undefined: nothing. */
export function faultOfMarkup(html: string): string | undefined {
  const open: string[] = [];
  // Scripts and styles hold no markup.
  const markup = html.replaceAll(/<(script|style)\b[^>]*>.*?<\/\1>/gs, '');
  for (const [tag, slash, name = '', , self] of markup.matchAll(
    /<(\/?)([a-z!][a-z0-9]*)((?:\s+[a-z][a-z0-9-]*(?:="[^"<>]*")?|\s+html)*)\s*(\/?)>/gi,
  )) {
    const lower = name.toLowerCase();
    if (VOID.has(lower) || self === '/') continue;
    if (slash === '') open.push(lower);
    else if (open.pop() !== lower) return `${tag} closes another element`;
  }
  const rest = markup.replaceAll(
    /<(\/?)([a-z!][a-z0-9]*)((?:\s+[a-z][a-z0-9-]*(?:="[^"<>]*")?|\s+html)*)\s*(\/?)>/gi,
    '',
  );
  if (/[<>]/.test(rest)) return `a bracket by itself: ${/.{0,60}[<>].{0,60}/.exec(rest)?.[0]}`;
  return open.length === 0 ? undefined : `not closed: ${open.join(', ')}`;
}
