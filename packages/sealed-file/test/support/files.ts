import { openSealed, type OpenSealedOptions, SealKey, Sealer, type SealOptions } from '../../src/index.ts';

export const SEGMENT = 4096;
export const KEY_FILE = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 1));
export const keyFile = SealKey.fromKeyFile(KEY_FILE);
/** The cheapest that the format allows. */
export const CHEAP = { log2N: 10, r: 1, p: 1 };
export const passphrase = SealKey.fromPassphrase('correct horse', CHEAP);

/** Bytes that are the same in every run. */
export function counted(sizeBytes: number, seed = 1): Buffer {
  return Buffer.from(
    Uint8Array.from({ length: sizeBytes }, (_, index) => (index * 31 + seed * 17 + (index >> 8)) & 255),
  );
}

/** As `randomBytes`, but the same in every run. Not secret. */
export function fixedRandom(): (sizeBytes: number) => Uint8Array {
  let calls = 0;
  return (sizeBytes) => {
    calls += 1;
    return counted(sizeBytes, calls);
  };
}

export async function sealed(
  content: Uint8Array,
  key: SealKey = keyFile,
  options: SealOptions = {},
): Promise<Buffer> {
  const sealer = await Sealer.create(key, { segmentBytes: SEGMENT, ...options });
  return Buffer.concat([sealer.header, ...sealer.push(content), ...sealer.finish()]);
}

/** The whole content. */
export async function opened(
  file: Buffer,
  key: SealKey = keyFile,
  options?: OpenSealedOptions,
): Promise<Buffer> {
  const reader = await openSealed(
    (offset, length) => file.subarray(offset, offset + length),
    file.length,
    key,
    options,
  );
  return Buffer.from(reader.readAt(0, reader.sizeBytes));
}

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
  return 'opened';
}
