import { QemuError } from './error.ts';
import type { QmpClient } from './qmp-client.ts';

/** Of `info mtree -f`: `  0000000000000000-000000000009ffff (prio 0, ram): ram0 @00000000000c0000`; without @, offset 0. */
const RANGE = /^\s*([0-9a-f]{16})-[0-9a-f]{16} \(prio -?\d+, ram\): (\S+)(?: @([0-9a-f]{16}))?(?:\s|$)/;
/** Of `gpa2hva`: `Host virtual address for 0x0 (ram0) is 0x7f0123400000`. */
const HOST_ADDRESS = /\((.*)\) is 0x([0-9a-f]+)/;

/**
 * Where memory with this name starts in QEMU, by what QEMU says of one guest physical address in it. For versions whose `info ramblock` does
 * not tell.
 *
 * @throws QemuError QEMU_RAM_UNMATCHED when the guest has it at no address, or QEMU says otherwise on a second question.
 */
export async function hostAddressOf(qmp: QmpClient, name: string): Promise<bigint> {
  const tree = await qmp.human('info mtree -f');
  for (const line of tree.split(/\r?\n/)) {
    const [, start, owner, offset = '0'] = RANGE.exec(line) ?? [];
    if (start === undefined || owner !== name) continue;
    // oxlint-disable-next-line no-await-in-loop -- returns with the first
    const [, told, address] = HOST_ADDRESS.exec(await qmp.human(`gpa2hva 0x${start}`)) ?? [];
    if (told !== name || address === undefined) break;
    return BigInt(`0x${address}`) - BigInt(`0x${offset}`);
  }
  throw new QemuError('QEMU_RAM_UNMATCHED', `QEMU does not tell where ${name} is`, { operands: { name } });
}
