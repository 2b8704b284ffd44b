import { createDecipheriv, createHash, hkdfSync, scryptSync } from 'node:crypto';

/**
 * FORMAT.md once more, written from the text and without looking at src: slow, whole files only, and the oracle of the tests. Any Error is a refusal.
 */
export function naiveOpen(file: Buffer, secret: { passphrase: string } | { keyFile: Buffer }): Buffer {
  if (file.subarray(0, 8).toString('hex') !== '8953465345414c0a') throw new Error('magic');
  if (file.readUInt16LE(8) !== 1 || file[10] !== 1) throw new Error('version');
  const header = file.subarray(0, 144);
  if (header.length !== 144) throw new Error('short');
  const kdf = file[11];
  const salt = file.subarray(24, 56);
  const size = file.readUInt32LE(12);
  if (![12, 13, 14, 15, 16, 17, 18, 19, 20].some((power) => size === 2 ** power)) throw new Error('segment');
  if (file.subarray(kdf === 1 ? 19 : 16, 24).some(Boolean) || file.subarray(116, 144).some(Boolean)) {
    throw new Error('reserved');
  }
  let wrapping: Buffer;
  if (kdf === 1 && 'passphrase' in secret) {
    const [log2N, r, p] = [file[16]!, file[17]!, file[18]!];
    if (log2N < 10 || log2N > 20 || r < 1 || r > 32 || p < 1 || p > 16) throw new Error('scrypt');
    if (128 * 2 ** log2N * r > 2 ** 28 || 2 ** log2N * r * p > 2 ** 22) throw new Error('scrypt');
    wrapping = scryptSync(secret.passphrase.normalize('NFC'), salt, 32, {
      N: 2 ** log2N,
      r,
      p,
      maxmem: 2 ** 30,
    });
  } else if (kdf === 2 && 'keyFile' in secret) {
    wrapping = Buffer.from(hkdfSync('sha256', secret.keyFile, salt, 'stillframe sealed-file 1', 32));
  } else throw new Error('kind');
  const dataKey = gcm(wrapping, file.subarray(56, 68), file.subarray(0, 68), file.subarray(68, 116));
  const hash = createHash('sha256').update(header).digest();
  const body = file.subarray(144);
  const content: Buffer[] = [];
  let at = 0;
  for (let number = 0; ; number += 1) {
    const isLast = body.length - at <= size + 16;
    const stored = body.subarray(at, at + size + 16);
    if (stored.length < 16 || (stored.length === 16 && number > 0)) throw new Error('cut');
    const nonce = Buffer.alloc(12);
    nonce.writeUInt32LE(number, 0);
    const aad = Buffer.alloc(49);
    hash.copy(aad);
    aad.writeUInt32LE(number, 32);
    aad[40] = isLast ? 1 : 0;
    const total = isLast ? number * size + stored.length - 16 : 0;
    aad.writeBigUInt64LE(BigInt(total), 41);
    content.push(gcm(dataKey, nonce, aad, stored));
    at += stored.length;
    if (isLast) return Buffer.concat(content);
  }
}

function gcm(key: Buffer, nonce: Buffer, aad: Buffer, stored: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce);
  decipher.setAAD(aad);
  decipher.setAuthTag(stored.subarray(stored.length - 16));
  return Buffer.concat([decipher.update(stored.subarray(0, stored.length - 16)), decipher.final()]);
}
