/** What to do about each code. */
const hints = {
  STREAM_TRUNCATED:
    'The stream ends before its END frame: the sender stopped, or the file was cut. Make it again.',
  STREAM_ABORTED: 'The sender gave up and said why in its ABORT frame.',
  STREAM_BAD_MAGIC:
    'This is not a Stillframe page stream, or bytes were lost or inserted before this offset.',
  STREAM_HEADER_CRC: 'The frame header was damaged on the way. Send or copy the stream again.',
  STREAM_PAYLOAD_CRC: 'The payload was damaged on the way. Send or copy the stream again.',
  STREAM_RESERVED: 'A reserved field is not zero: the writer is newer than this reader, or wrong.',
  STREAM_BAD_FLAGS:
    'The frame flags are not those of this version: the writer is newer than this reader, or wrong.',
  STREAM_UNKNOWN_FRAME:
    'The writer requires a frame type that this reader does not know. Use a newer version.',
  STREAM_UNEXPECTED_FRAME: 'The frame is not allowed at this place (FORMAT.md, "Order").',
  STREAM_SEQUENCE: 'Frames were lost, repeated or moved.',
  STREAM_TRAILING_BYTES: 'Nothing may follow here. The file may be two streams one after the other.',
  STREAM_VERSION: 'The two sides have no format version in common. Use a newer version on the older side.',
  STREAM_FEATURE: 'The writer requires a feature that this reader does not know. Use a newer version.',
  STREAM_LIMIT: 'Larger than the limit that is named. Raise the limit of the reader if it was lowered.',
  STREAM_BAD_LENGTH: 'The payload length does not fit its layout: the writer is wrong.',
  STREAM_BAD_VALUE: 'A field has a value that the format does not allow: the writer is wrong.',
  STREAM_BAD_STRING: 'A string is empty, not UTF-8, or has control characters: the writer is wrong.',
  STREAM_PAGE_RANGE: 'A run names pages outside its region: the writer is wrong.',
  STREAM_PAGE_REPEATED: 'A page came twice, but an image has each page once: the writer is wrong.',
  STREAM_PAGES_MISSING: 'The stream ended properly, but some pages never came: the writer is wrong.',
  STREAM_UNPACK:
    'Compressed pages do not unpack to what they should be: the writer is wrong, or the bytes were made up.',
  STREAM_PARENT: 'This is an increment of another image. Give the image that it was made from.',
  STREAM_TOTALS:
    'The totals in the END frame differ from what came: the writer is wrong, or frames were exchanged.',
  STREAM_DIGEST: 'The image digest differs from what came. Do not use this image.',
} as const;

/** What can be wrong with a page stream. Stable: ABORT frames, exit codes and scripts rely on these words. */
export type PageStreamErrorCode = keyof typeof hints;

/** A stream that cannot be believed. `offset` is the byte offset in the stream of what is wrong (FORMAT.md, "Errors"). */
export class PageStreamError extends Error {
  override readonly name = 'PageStreamError';
  readonly code: PageStreamErrorCode;
  readonly offset: number;
  readonly hint: string;

  constructor(code: PageStreamErrorCode, offset: number, message: string, hint: string = hints[code]) {
    super(`${message} (at byte ${offset})`);
    this.code = code;
    this.offset = offset;
    this.hint = hint;
  }
}

/** Whether `text` is one of the codes, e.g. that of an ABORT frame. */
export function isPageStreamErrorCode(text: string): text is PageStreamErrorCode {
  return Object.hasOwn(hints, text);
}
