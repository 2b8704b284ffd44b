import { QemuError } from './error.ts';

/** A piece of guest memory as QEMU itself lists it (`info ramblock`). */
export interface RamBlock {
  /** QEMU's name, e.g. `ram0`, `pc.bios`, `0000:00:02.0/vga.vram`. */
  readonly name: string;
  readonly pageSize: number;
  readonly sizeBytes: number;
  /** Where it is in QEMU; undefined before QEMU 7.2, which does not tell. */
  readonly address: bigint | undefined;
}

/** Block Name, PSize, Offset, Used, Total, and since 7.2 HVA and RO. A name may have spaces. */
const LINE =
  /^\s*(\S.*?)\s+(\d+) ([KMGT]?)iB\s+0x[0-9a-f]+\s+0x([0-9a-f]+)\s+0x[0-9a-f]+(?:\s+0x([0-9a-f]+)(?:\s+\S+)?)?\s*$/;
const UNITS = ['', 'K', 'M', 'G', 'T'];

/** @throws QemuError QEMU_RAM_UNMATCHED when nothing is understood. */
export function parseRamBlocks(text: string): RamBlock[] {
  const blocks = text.split(/\r?\n/).flatMap((line): RamBlock[] => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [, name = '', pages, unit = '', used, address] = match;
    return [
      {
        name,
        pageSize: Number(pages) * 1024 ** UNITS.indexOf(unit),
        sizeBytes: Number.parseInt(used!, 16),
        address: address === undefined ? undefined : BigInt(`0x${address}`),
      },
    ];
  });
  if (blocks.length > 0) return blocks;
  throw new QemuError('QEMU_RAM_UNMATCHED', 'QEMU lists its memory in a way that is not known');
}
