import { type MapsLine, parseMapsLine } from '../process/maps-line.ts';
import { mappedByOthers } from '../process/other-users.ts';
import type { ProcDirectory } from '../process/proc-directory.ts';
import { QemuError } from './error.ts';
import { hostAddressOf } from './host-address.ts';
import { objectsIn } from './json.ts';
import type { QmpClient } from './qmp-client.ts';
import { parseRamBlocks, type RamBlock } from './ram-block.ts';
import { backendOf, layoutOf, memoryBackend, type RamLayout, type WantedRam } from './ram-layout.ts';

/**
 * The memory that the machine has now, and where it is in QEMU.
 *
 * @throws QemuError QEMU_RAM_PRIVATE, QEMU_RAM_UNMATCHED, QEMU_RAM_SHARED.
 */
export async function readLayout(
  qmp: QmpClient,
  proc: ProcDirectory,
  wanted: WantedRam = 'shared',
): Promise<RamLayout> {
  const backends = objectsIn(await qmp.execute('query-memdev')).map(memoryBackend);
  const listed = parseRamBlocks(await qmp.human('info ramblock'));
  const isBackend = (name: string) =>
    backends.some(({ id, isShared }) => (isShared || wanted === 'any') && id === backendOf(name));
  const blocks = await Promise.all(
    listed.map(async (block): Promise<RamBlock> => {
      if (block.address !== undefined || !isBackend(block.name)) return block;
      const address = await hostAddressOf(qmp, block.name);
      return Object.assign(block, { address });
    }),
  );
  const mappings = mappingsOf(proc);
  const layout = layoutOf(blocks, backends, mappings, wanted);
  const ram = mappings.filter(({ start, end }) =>
    layout.shared.some(({ address, sizeBytes }) => address < end && address + BigInt(sizeBytes) > start),
  );
  const [other] = mappedByOthers(proc, ram);
  if (other === undefined) return layout;
  throw new QemuError('QEMU_RAM_SHARED', `another process has guest memory mapped (${other.trim()})`);
}

/** What is mapped in QEMU now, ascending. */
export function mappingsOf(proc: ProcDirectory): MapsLine[] {
  return proc
    .text('maps')
    .split('\n')
    .flatMap((line): MapsLine[] => {
      const parsed = parseMapsLine(line);
      return parsed === undefined ? [] : [parsed];
    });
}

/** How QEMU was started. */
export function commandLineOf(proc: ProcDirectory): string[] {
  return Buffer.from(proc.bytes('cmdline')).toString('utf8').replace(/\0$/, '').split('\0');
}
