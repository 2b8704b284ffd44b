const DOUBLES = 5;
const HASH_BYTES = 32;

/**
 * What the SQLite worker tells of itself in shared memory, because its linear memory is its own.
 *
 * Concurrency: the worker writes before it reports ready or at rest, and the size after any transaction that grew the memory; the
 * starter reads. Each field is one double, stored whole.
 */
export class Published {
  readonly buffer: SharedArrayBuffer;
  readonly #doubles: Float64Array<SharedArrayBuffer>;
  readonly buildHash: Uint8Array<SharedArrayBuffer>;

  constructor(buffer = new SharedArrayBuffer(DOUBLES * 8 + HASH_BYTES)) {
    this.buffer = buffer;
    this.#doubles = new Float64Array(buffer, 0, DOUBLES);
    this.buildHash = new Uint8Array(buffer, DOUBLES * 8, HASH_BYTES);
  }

  /** Of the linear memory in this process; an address has 47 bits, so a double holds it. */
  get address(): bigint {
    return BigInt(this.#doubles[0]!);
  }

  get sizeBytes(): number {
    return this.#doubles[1]!;
  }

  setMemory(address: bigint, sizeBytes: number): void {
    this.#doubles[0] = Number(address);
    this.#doubles[1] = sizeBytes;
  }

  /** The `sqlite3*` of the database, an offset in the linear memory. */
  get database(): number {
    return this.#doubles[2]!;
  }

  set database(pointer: number) {
    this.#doubles[2] = pointer;
  }

  get versionNumber(): number {
    return this.#doubles[3]!;
  }

  set versionNumber(version: number) {
    this.#doubles[3] = version;
  }

  /** At rest no call is in progress, so this is the empty stack's. */
  get stackPointer(): number {
    return this.#doubles[4]!;
  }

  set stackPointer(pointer: number) {
    this.#doubles[4] = pointer;
  }
}
