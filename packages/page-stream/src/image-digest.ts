/** CRC32C of DIGEST_UNIT_BYTES zeros: such a unit adds nothing to the digest, so zero runs need no work. */
export const ZERO_UNIT_CRC = 0x98f94189;

/** [low, high] of the odd constant that keeps unit 0 away from the fixed point of `mix64`: 2^64 divided by the golden ratio. */
const UNIT_LOW = 0x7f4a7c15;
const UNIT_HIGH = 0x9e3779b9;

/** `value[low, high]` multiplied modulo 2^64, in 16-bit steps because a product of 32-bit numbers is not exact in a double. */
function multiply(value: Uint32Array, low: number, high: number): void {
  const valueLow = value[0]!;
  const a = valueLow & 0xffff;
  const b = valueLow >>> 16;
  const c = low & 0xffff;
  const d = low >>> 16;
  const middle = b * c + Math.floor((a * c) / 0x10000);
  const middle2 = a * d + (middle % 0x10000);
  const carry = b * d + Math.floor(middle / 0x10000) + Math.floor(middle2 / 0x10000);
  value[0] = Math.imul(valueLow, low);
  value[1] = carry + Math.imul(valueLow, high) + Math.imul(value[1]!, low);
}

/** z ^= z >>> bits, for 0 < bits < 32. */
function xorShift(value: Uint32Array, bits: number): void {
  const low = value[0]!;
  const high = value[1]!;
  value[0] = low ^ ((low >>> bits) | (high << (32 - bits)));
  value[1] = high ^ (high >>> bits);
}

/** The finaliser of SplitMix64: a bijection of 64-bit numbers, [low, high] in place. */
export function mix64(value: Uint32Array): void {
  xorShift(value, 30);
  multiply(value, 0x1ce4e5b9, 0xbf58476d);
  xorShift(value, 27);
  multiply(value, 0x133111eb, 0x94d049bb);
  xorShift(value, 31);
}

const term = new Uint32Array(2);

/** Adds the term of one unit to `digest` [low, high]. `unit` is a safe integer; `crc` is the CRC32C of the unit alone. */
export function addUnit(digest: Uint32Array, region: number, unit: number, crc: number): void {
  if (crc === ZERO_UNIT_CRC) return;
  term[0] = (unit >>> 0) ^ UNIT_LOW;
  term[1] = Math.floor(unit / 0x1_0000_0000) ^ UNIT_HIGH;
  mix64(term);
  term[0] = term[0] ^ crc;
  term[1] = term[1] ^ region;
  mix64(term);
  const low = digest[0]! + term[0];
  digest[0] = low;
  digest[1] = digest[1]! + term[1] + (low > 0xffff_ffff ? 1 : 0);
}

/** 16 hexadecimal digits, the high half first. */
export function formatDigest(digest: Uint32Array): string {
  const [low = 0, high = 0] = digest;
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/** `digest` += `other`, modulo 2^64. */
export function addDigest(digest: Uint32Array, other: Uint32Array): void {
  const low = digest[0]! + other[0]!;
  digest[0] = low;
  digest[1] = digest[1]! + other[1]! + (low > 0xffff_ffff ? 1 : 0);
}

/** `digest` -= `other`, modulo 2^64. */
export function subtractDigest(digest: Uint32Array, other: Uint32Array): void {
  const low = digest[0]! - other[0]!;
  digest[0] = low;
  digest[1] = digest[1]! - other[1]! - (low < 0 ? 1 : 0);
}
