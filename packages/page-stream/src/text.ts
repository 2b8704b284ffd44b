const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const controlCharacter = /\p{Cc}/u;
const codeText = /^[A-Za-z0-9_.:/-]+$/;

/** The text, or undefined when it is not a string in the sense of FORMAT.md. */
export function decodeText(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    return controlCharacter.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Whether `text` may be the code of an ABORT frame. */
export function isCode(text: string): boolean {
  return codeText.test(text);
}

/** Bytes of a text that must travel as it is: 1 to `maxBytes` bytes, no control characters. RangeError otherwise. */
export function encodeExact(text: string, maxBytes: number, what: string): Uint8Array {
  const bytes = encoder.encode(text);
  if (bytes.length < 1 || bytes.length > maxBytes || decodeText(bytes) !== text) {
    throw new RangeError(
      `${what} must be 1 to ${maxBytes} bytes of well-formed text without control characters`,
    );
  }
  return bytes;
}

/** Bytes of a text for people: control characters become spaces, and whole characters are cut off beyond `maxBytes`. */
export function encodeLabel(text: string, maxBytes: number): Uint8Array {
  const clean = text.replace(/\p{Cc}+/gu, ' ');
  const bytes = new Uint8Array(maxBytes);
  return bytes.slice(0, encoder.encodeInto(clean, bytes).written);
}
