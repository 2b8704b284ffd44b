/** One LZ4 block as lz4_Block_format.md tells it, into a list; undefined when it breaks a rule or does not give `size` bytes. */
export function referenceLz4(block: Uint8Array, size: number): number[] | undefined {
  const out: number[] = [];
  const input = [...block];
  const longer = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (;;) {
      const byte = input.shift();
      if (byte === undefined) return Number.POSITIVE_INFINITY;
      length += byte;
      if (byte < 255) return length;
    }
  };
  for (;;) {
    const token = input.shift();
    if (token === undefined) return undefined;
    const literals = longer(Math.floor(token / 16));
    if (literals > input.length || out.length + literals > size) return undefined;
    out.push(...input.splice(0, literals));
    if (input.length === 0) return out.length === size ? out : undefined;
    if (input.length < 2 || out.length > size - 12) return undefined;
    const distance = input.shift()! + 256 * input.shift()!;
    if (distance < 1 || distance > out.length) return undefined;
    const match = longer(token % 16) + 4;
    if (out.length + match > size - 5) return undefined;
    for (let i = 0; i < match; i++) out.push(out[out.length - distance]!);
  }
}
