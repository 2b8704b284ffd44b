/** Ends the sections of a migration stream, then `VMDESCRIPTION`: a length (u32, big-endian) and so much JSON (docs/devel/migration). */
const END_OF_SECTIONS = 0x00;
const DESCRIPTION = 0x06;
const HEADER_BYTES = 6;
const BRACE = 0x7b;

/**
 * Whether a migration stream is complete so far: it ends with a description of exactly its length. The JSON has no control characters, so
 * that the last of them belongs to its header.
 */
export function isCompleteStream(bytes: Buffer): boolean {
  const searched = Math.max(0, bytes.byteLength - DESCRIPTION_MAX_BYTES - HEADER_BYTES);
  for (
    let start = bytes.lastIndexOf('{"');
    start >= HEADER_BYTES && start >= searched;
    start = bytes.lastIndexOf('{"', start - 1)
  ) {
    const header = start - HEADER_BYTES;
    const isHeader = bytes[header] === END_OF_SECTIONS && bytes[header + 1] === DESCRIPTION;
    if (isHeader)
      return bytes[start] === BRACE && bytes.readUInt32BE(header + 2) === bytes.byteLength - start;
    if (bytes[start - 1]! < 0x09) return false;
  }
  return false;
}

/** 60 kB for a small machine; each device adds some hundred bytes. */
const DESCRIPTION_MAX_BYTES = 16 * 2 ** 20;
