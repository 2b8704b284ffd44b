import { type CoreNote, type CoreSegment, readCore } from './core-file.ts';

/** Memory as a core file has it. */
export class CoreImage {
  readonly bytes: Buffer;
  readonly segments: readonly CoreSegment[];
  readonly notes: readonly CoreNote[];

  constructor(bytes: Buffer) {
    const { segments, notes } = readCore(bytes);
    this.bytes = bytes;
    this.segments = segments;
    this.notes = notes;
  }

  has(address: bigint): boolean {
    return this.#segmentOf(address) !== undefined;
  }

  /** Up to the first zero byte. */
  text(address: bigint): string {
    const at = this.#at(address);
    return this.bytes.toString('latin1', at, this.bytes.indexOf(0, at));
  }

  word(address: bigint): bigint {
    return this.bytes.readBigUInt64LE(this.#at(address));
  }

  #at(address: bigint): number {
    const segment = this.#segmentOf(address);
    if (segment === undefined) throw new Error(`0x${address.toString(16)} is not in the core file`);
    return segment.offset + Number(address - segment.address);
  }

  #segmentOf(address: bigint): CoreSegment | undefined {
    return this.segments.find(
      ({ address: start, fileBytes }) => start <= address && address < start + BigInt(fileBytes),
    );
  }
}
