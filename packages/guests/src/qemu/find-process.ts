import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { QemuError } from './error.ts';

/**
 * The process that listens at a Unix socket: by the socket's inode, which the kernel names in /proc/net/unix, among the descriptors of all
 * processes that we may look at.
 *
 * @throws QemuError QEMU_PROCESS_UNKNOWN when there is none, or more than one.
 */
export function processListeningAt(path: string, proc = '/proc'): number {
  const inodes = listenersAt(path, readFileSync(`${proc}/net/unix`, 'utf8'));
  const pids = readdirSync(proc).filter(
    (name) => /^\d+$/.test(name) && holdsAny(`${proc}/${name}/fd`, inodes),
  );
  if (pids.length === 1) return Number(pids[0]);
  const found = pids.length === 0 ? 'no process' : `processes ${pids.join(', ')}`;
  throw new QemuError('QEMU_PROCESS_UNKNOWN', `${found} can be seen to listen at ${path}`, {
    operands: { path },
  });
}

/** Num RefCount Protocol Flags Type St Inode Path; the flag is __SO_ACCEPTCON of linux/net.h. */
const LISTENS = 0x10000;

function listenersAt(path: string, table: string): Set<string> {
  const wanted = realpathSync(path);
  const inodes = new Set<string>();
  for (const line of table.split('\n')) {
    const [, , , flags = '', , , inode = '', ...names] = line.trim().split(/ +/);
    const name = names.join(' ');
    // A path that QEMU was given relative to its own directory stays so in the table.
    const isIt = name === path || name === wanted || (!name.startsWith('/') && wanted.endsWith(`/${name}`));
    if (name !== '' && isIt && (Number.parseInt(flags, 16) & LISTENS) !== 0) inodes.add(`socket:[${inode}]`);
  }
  return inodes;
}

function holdsAny(directory: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(directory).some((fd) => inodes.has(linkOf(`${directory}/${fd}`)));
  } catch {
    return false;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
