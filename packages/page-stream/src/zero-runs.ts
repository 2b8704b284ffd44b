/** True when every byte is 0. A whole number of 16 bytes. */
function isZero(view: DataView, start: number, end: number): boolean {
  for (let i = start; i < end; i += 16) {
    const any = view.getInt32(i) | view.getInt32(i + 4) | view.getInt32(i + 8) | view.getInt32(i + 12);
    if (any !== 0) return false;
  }
  return true;
}

/** `PageCodec.findZeroRuns`, in JavaScript. */
export function findZeroRuns(pages: Uint8Array, pageSize: number, runLengths: Uint32Array): number {
  const pageCount = pages.byteLength / pageSize;
  if (!Number.isInteger(pageCount) || pageSize < 16 || pageSize % 16 !== 0) {
    throw new RangeError(`${pages.byteLength} bytes are not a whole number of pages of ${pageSize} bytes`);
  }
  if (runLengths.length <= pageCount) {
    throw new RangeError(
      `runLengths has ${runLengths.length} entries; ${pageCount} pages need ${pageCount + 1}`,
    );
  }
  if (pageCount === 0) return 0;
  const view = new DataView(pages.buffer, pages.byteOffset, pages.byteLength);
  let entries = 0;
  let inZero = false;
  let length = 0;
  for (let start = 0; start < pages.byteLength; start += pageSize) {
    if (isZero(view, start, start + pageSize) !== inZero) {
      runLengths[entries++] = length;
      inZero = !inZero;
      length = 0;
    }
    length++;
  }
  runLengths[entries++] = length;
  return entries;
}
