// Numbers and structures of elf(5), little-endian, 64-bit.
import type { Arch } from '../process/state.ts';

const EHDR_BYTES = 64;
const PHDR_BYTES = 56;
const SHDR_BYTES = 64;

export const PT_LOAD = 1;
export const PT_NOTE = 4;

/** e_phnum says so when the number of program headers is in sh_info of the first section header. */
export const PN_XNUM = 0xffff;

const ET_CORE = 4;
const MACHINE: Readonly<Record<Arch, number>> = { x86_64: 62, aarch64: 183 };
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const EV_CURRENT = 1;

export interface ProgramHeader {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
  readonly memoryBytes: bigint;
  readonly alignment: number;
}

/** Bytes before the notes. */
export function headersBytes(headerCount: number): number {
  return EHDR_BYTES + headerCount * PHDR_BYTES + (headerCount >= PN_XNUM ? SHDR_BYTES : 0);
}

/** The ELF header, the program headers, and the section header that holds their number when there are too many for the first. */
export function writeHeaders(arch: Arch, headers: readonly ProgramHeader[]): Uint8Array {
  const bytes = new Uint8Array(headersBytes(headers.length));
  const view = new DataView(bytes.buffer);
  const isExtended = headers.length >= PN_XNUM;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, ELFCLASS64, ELFDATA2LSB, EV_CURRENT]);
  view.setUint16(16, ET_CORE, true);
  view.setUint16(18, MACHINE[arch], true);
  view.setUint32(20, EV_CURRENT, true);
  view.setBigUint64(32, BigInt(EHDR_BYTES), true);
  view.setUint16(52, EHDR_BYTES, true);
  view.setUint16(54, PHDR_BYTES, true);
  view.setUint16(56, isExtended ? PN_XNUM : headers.length, true);
  for (const [index, header] of headers.entries()) {
    writeProgramHeader(view, EHDR_BYTES + index * PHDR_BYTES, header);
  }
  if (isExtended) {
    const at = EHDR_BYTES + headers.length * PHDR_BYTES;
    view.setBigUint64(40, BigInt(at), true);
    view.setUint16(58, SHDR_BYTES, true);
    view.setUint16(60, 1, true);
    view.setUint32(at + 44, headers.length, true);
  }
  return bytes;
}

function writeProgramHeader(view: DataView, at: number, header: ProgramHeader): void {
  view.setUint32(at, header.type, true);
  view.setUint32(at + 4, header.flags, true);
  view.setBigUint64(at + 8, BigInt(header.offset), true);
  view.setBigUint64(at + 16, header.address, true);
  view.setBigUint64(at + 32, BigInt(header.fileBytes), true);
  view.setBigUint64(at + 40, header.memoryBytes, true);
  view.setBigUint64(at + 48, BigInt(header.alignment), true);
}
