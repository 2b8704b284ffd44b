// A plain reader of ELF core files, written from elf(5), to compare ours with those of others.

export interface CoreNote {
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}

export interface CoreSegment {
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
  readonly memoryBytes: bigint;
  readonly alignment: number;
}

export interface CoreFileContent {
  readonly machine: number;
  readonly notes: readonly CoreNote[];
  readonly segments: readonly CoreSegment[];
}

export function readCore(bytes: Uint8Array): CoreFileContent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at64 = (at: number): number => Number(view.getBigUint64(at, true));
  if (Buffer.from(bytes.subarray(0, 4)).toString('latin1') !== '\x7fELF') throw new Error('not ELF');
  if (view.getUint16(16, true) !== 4) throw new Error('not a core file');
  const headersAt = at64(32);
  let count = view.getUint16(56, true);
  if (count === 0xffff) count = view.getUint32(at64(40) + 44, true);
  const notes: CoreNote[] = [];
  const segments: CoreSegment[] = [];
  for (let at = headersAt; at < headersAt + 56 * count; at += 56) {
    const type = view.getUint32(at, true);
    const offset = at64(at + 8);
    const fileBytes = at64(at + 32);
    if (type === 4) notes.push(...readNotes(bytes.subarray(offset, offset + fileBytes)));
    if (type !== 1) continue;
    segments.push({
      flags: view.getUint32(at + 4, true),
      offset,
      address: view.getBigUint64(at + 16, true),
      fileBytes,
      memoryBytes: view.getBigUint64(at + 40, true),
      alignment: at64(at + 48),
    });
  }
  return { machine: view.getUint16(18, true), notes, segments };
}

function readNotes(bytes: Uint8Array): CoreNote[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const notes: CoreNote[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const nameBytes = view.getUint32(at, true);
    const contentBytes = view.getUint32(at + 4, true);
    const type = view.getUint32(at + 8, true);
    const contentAt = at + 12 + ((nameBytes + 3) & ~3);
    const name = Buffer.from(bytes.subarray(at + 12, at + 12 + nameBytes - 1)).toString('latin1');
    notes.push({ name, type, bytes: bytes.slice(contentAt, contentAt + contentBytes) });
    at = contentAt + ((contentBytes + 3) & ~3);
  }
  return notes;
}
