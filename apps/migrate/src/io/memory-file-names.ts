/** Leaves room below the 255 bytes of a file name. */
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/**
 * A file name for each region: `NAME.mem` where the name is plain and has not come before, `region-ID.mem` elsewhere. The names come
 * out of an image, so they may be anything, `../../etc/passwd` too (I-6). Letters that differ in case only count as the same, for file
 * systems where they are.
 */
export function memoryFileNames(regionNames: readonly string[]): string[] {
  const taken = new Set<string>();
  return regionNames.map((name, id) => {
    const key = name.toLowerCase();
    // Kept for the others.
    const isPlain = PLAIN.test(name) && !key.startsWith('region-') && !taken.has(key);
    if (isPlain) taken.add(key);
    return isPlain ? `${name}.mem` : `region-${id}.mem`;
  });
}
