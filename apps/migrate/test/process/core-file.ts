import { constants, closeSync, openSync, readSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** A part of memory that a core describes; beyond `fileBytes` it has no bytes in the file. */
export interface Segment {
  readonly address: number;
  readonly sizeBytes: number;
  readonly fileOffset: number;
  readonly fileBytes: number;
  /** PF_R 4, PF_W 2, PF_X 1. */
  readonly flags: number;
}

export interface Note {
  readonly name: string;
  readonly type: number;
  readonly bytes: Buffer;
}

const PT_LOAD = 1;
const PT_NOTE = 4;
const PN_XNUM = 0xffff;
const ET_CORE = 4;

/** Reads an ELF64 core as elf(5) describes it; knows nothing of the code that writes them. */
export class CoreFile {
  readonly segments: readonly Segment[];
  readonly notes: readonly Note[];
  readonly machine: number;
  readonly #fd: number;

  /** Closed with the test. Throws for what is no core. */
  constructor(file: string) {
    this.#fd = openSync(file, constants.O_RDONLY);
    onTestFinished(() => closeSync(this.#fd));
    const head = this.#at(0, 64);
    if (head.readUInt32BE(0) !== 0x7f45_4c46 || head[4] !== 2 || head[5] !== 1) {
      throw new Error('not a little-endian ELF64 file');
    }
    if (head.readUInt16LE(16) !== ET_CORE) throw new Error('not a core');
    this.machine = head.readUInt16LE(18);
    const headers = this.#programHeaders(head);
    this.segments = headers.filter(({ type }) => type === PT_LOAD);
    this.notes = headers.filter(({ type }) => type === PT_NOTE).flatMap((header) => this.#notesOf(header));
  }

  /** The memory at `address`, where the file has it; undefined where it has not, or not all. */
  read(address: number, sizeBytes: number): Buffer | undefined {
    const segment = this.segments.find(
      (each) => address >= each.address && address + sizeBytes <= each.address + each.fileBytes,
    );
    return segment === undefined
      ? undefined
      : this.#at(segment.fileOffset + (address - segment.address), sizeBytes);
  }

  /** Where `pattern` is, in the segments that have bytes and are no larger than `maxBytes`. */
  *find(pattern: Buffer, maxBytes = Number.POSITIVE_INFINITY): Generator<number> {
    for (const { address, bytes, from } of this.chunks(maxBytes, pattern.byteLength - 1)) {
      for (let at = bytes.indexOf(pattern); at !== -1; at = bytes.indexOf(pattern, at + 1)) {
        if (at + pattern.byteLength > from) yield address + at;
      }
    }
  }

  /** All bytes in pieces. Each begins with the last `overlapBytes` of the one before, as `from` says. The buffer is used again. */
  *chunks(
    maxBytes = Number.POSITIVE_INFINITY,
    overlapBytes = 0,
  ): Generator<{ address: number; bytes: Buffer; from: number }> {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES + overlapBytes);
    for (const { address, fileOffset, fileBytes } of this.segments) {
      if (fileBytes > maxBytes) continue;
      for (let at = 0; at < fileBytes; at += CHUNK_BYTES) {
        const from = Math.min(at, overlapBytes);
        const count = Math.min(fileBytes - at, CHUNK_BYTES) + from;
        readWhole(this.#fd, buffer.subarray(0, count), fileOffset + at - from);
        yield { address: address + at - from, bytes: buffer.subarray(0, count), from };
      }
    }
  }

  #programHeaders(head: Buffer): (Segment & { type: number })[] {
    const offset = Number(head.readBigUInt64LE(32));
    const entryBytes = head.readUInt16LE(54);
    let count = head.readUInt16LE(56);
    // More than the field can say: the first section header's sh_info has it.
    if (count === PN_XNUM) count = this.#at(Number(head.readBigUInt64LE(40)), 64).readUInt32LE(44);
    const table = this.#at(offset, count * entryBytes);
    return Array.from({ length: count }, (_, index) => {
      const at = index * entryBytes;
      const word = (field: number) => Number(table.readBigUInt64LE(at + field));
      return {
        type: table.readUInt32LE(at),
        flags: table.readUInt32LE(at + 4),
        fileOffset: word(8),
        address: word(16),
        fileBytes: word(32),
        sizeBytes: word(40),
      };
    });
  }

  #notesOf({ fileOffset, fileBytes }: Segment): Note[] {
    const bytes = this.#at(fileOffset, fileBytes);
    const notes: Note[] = [];
    for (let at = 0; at < bytes.byteLength; ) {
      const nameBytes = bytes.readUInt32LE(at);
      const sizeBytes = bytes.readUInt32LE(at + 4);
      const name = bytes.toString('latin1', at + 12, at + 12 + nameBytes - 1);
      const from = at + 12 + rounded(nameBytes);
      notes.push({ name, type: bytes.readUInt32LE(at + 8), bytes: bytes.subarray(from, from + sizeBytes) });
      at = from + rounded(sizeBytes);
    }
    return notes;
  }

  #at(offset: number, sizeBytes: number): Buffer {
    const bytes = Buffer.alloc(sizeBytes);
    readWhole(this.#fd, bytes, offset);
    return bytes;
  }
}

const CHUNK_BYTES = 2 ** 20;

const rounded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

function readWhole(fd: number, into: Buffer, offset: number): void {
  for (let done = 0; done < into.byteLength; ) {
    const count = readSync(fd, into, done, into.byteLength - done, offset + done);
    if (count === 0) throw new Error(`the core ends before byte ${offset + into.byteLength}`);
    done += count;
  }
}
