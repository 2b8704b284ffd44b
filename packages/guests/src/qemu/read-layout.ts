import { type MapsLine, parseMapsLine } from '../process/maps-line.ts';
import { mappedByOthers } from '../process/other-users.ts';
import type { ProcDirectory } from '../process/proc-directory.ts';
import { QemuError } from './error.ts';
import { hostAddressOf } from './host-address.ts';
import { objectsIn, textAt } from './json.ts';
import type { QmpClient } from './qmp-client.ts';
import { parseRamBlocks, type RamBlock } from './ram-block.ts';
import {
  backendOf,
  layoutOf,
  type MemoryBackend,
  memoryBackend,
  type RamLayout,
  type WantedRam,
} from './ram-layout.ts';

/**
 * The memory that the machine has now, and where it is in QEMU.
 *
 * @throws QemuError QEMU_RAM_PRIVATE, QEMU_STATE_TOO_LARGE, QEMU_RAM_UNMATCHED, QEMU_RAM_SHARED.
 */
export async function readLayout(
  qmp: QmpClient,
  proc: ProcDirectory,
  wanted: WantedRam = 'shared',
): Promise<RamLayout> {
  const backends = await backendsOf(qmp);
  const listed = parseRamBlocks(await qmp.human('info ramblock'));
  const isBackend = (name: string) => backends.some(({ id }) => id === backendOf(name));
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
    [...layout.shared, ...layout.sent].some(
      ({ address, sizeBytes }) => address < end && address + BigInt(sizeBytes) > start,
    ),
  );
  const [other] = mappedByOthers(proc, ram);
  if (other === undefined) return layout;
  throw new QemuError('QEMU_RAM_SHARED', `another process has guest memory mapped (${other.trim()})`);
}

async function backendsOf(qmp: QmpClient): Promise<MemoryBackend[]> {
  const { version } = qmp;
  const types = new Map(
    objectsIn(await qmp.execute('qom-list', { path: '/objects' })).map((entry) => [
      textAt(entry, 'name'),
      /^child<(.*)>$/.exec(textAt(entry, 'type'))?.[1] ?? '',
    ]),
  );
  const listed = objectsIn(await qmp.execute('query-memdev'));
  return listed.map((each) => memoryBackend(each, { type: types.get(textAt(each, 'id')) ?? '', version }));
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
