import { VM_FLAGS } from './mapping.ts';

/** What smaps tells of one mapping beyond its line in maps. */
export interface SmapsEntry {
  /** `VM_FLAGS` bits. */
  readonly flags: number;
  readonly pageSize: number;
}

const PAGE_SIZE_LINE = /^KernelPageSize: +(\d+) kB/m;
const FLAGS_LINE = /^VmFlags:(.*)$/m;
const NEXT_ENTRY = /\n(?=[0-9a-f]+-)/;

/** By the line of maps, which is the head of each entry; proc_pid_smaps(5). */
export function parseSmaps(text: string): Map<string, SmapsEntry> {
  const entries = new Map<string, SmapsEntry>();
  for (const entry of text.split(NEXT_ENTRY)) {
    const head = entry.slice(0, Math.max(0, entry.indexOf('\n')));
    const pageSizeKib = PAGE_SIZE_LINE.exec(entry)?.[1];
    if (head === '' || pageSizeKib === undefined) continue;
    entries.set(head, {
      flags: parseVmFlags(FLAGS_LINE.exec(entry)?.[1] ?? ''),
      pageSize: Number(pageSizeKib) * 1024,
    });
  }
  return entries;
}

function parseVmFlags(words: string): number {
  let flags = 0;
  for (const word of words.split(' ')) {
    if (isKnown(word)) flags |= VM_FLAGS[word];
  }
  return flags;
}

function isKnown(word: string): word is keyof typeof VM_FLAGS {
  return Object.hasOwn(VM_FLAGS, word) && word.length === 2;
}
