import { readdir, readFile, readlink } from 'node:fs/promises';

/** What a process looks like from outside. A picture leaves no trace in it. */
export interface Condition {
  readonly threads: number;
  /** 0 when nobody traces it. */
  readonly tracerPid: number;
  /** Of its open files, sorted. */
  readonly fds: readonly string[];
  /** Of these, those that are userfaultfds. */
  readonly userfaultfds: number;
  /** Signals that wait, are blocked, ignored and caught, as /proc writes them. */
  readonly signals: readonly string[];
  /** Mappings that a userfaultfd watches. */
  readonly watchedMappings: number;
}

const SIGNAL_LINES = /^(SigPnd|ShdPnd|SigBlk|SigIgn|SigCgt):\s*(\S+)$/gm;
/** uw: write protection, um: missing pages, ui: minor faults. */
const WATCHED = /^VmFlags:.* (uw|um|ui)\b/gm;

/** Looks at `pid`. It must not be about to end, open files or change its signals. */
export async function conditionOf(pid: number): Promise<Condition> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1]);
  const smaps = await readFile(`/proc/${pid}/smaps`, 'utf8');
  const fds = (await readdir(`/proc/${pid}/fd`)).toSorted();
  // One that was closed meanwhile is none.
  const files = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return {
    threads: field('Threads'),
    tracerPid: field('TracerPid'),
    fds,
    userfaultfds: files.filter((file) => file.includes('userfaultfd')).length,
    signals: [...status.matchAll(SIGNAL_LINES)].map(([line]) => line),
    watchedMappings: [...smaps.matchAll(WATCHED)].length,
  };
}
