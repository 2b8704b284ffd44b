import { readFileSync } from 'node:fs';
import { pageSize } from '@stillframe/uffd';
import { AddressSpace } from './address-space.ts';
import { type CapturePlan, CapturePlanner } from './capture-plan.ts';
import type { FilterName } from './dump-filter.ts';
import { ProcessGuestError } from './error.ts';
import { FileSystems } from './file-system.ts';
import type { Mapping } from './mapping.ts';
import { MemoryFiles } from './memory-files.ts';
import { populatedScan } from './populated.ts';
import type { ProcDirectory } from './proc-directory.ts';
import { SharedData } from './shared-data.ts';
import { parseStat } from './stat.ts';

export interface ProcessViewOptions {
  readonly filter: readonly FilterName[];
  readonly includeDontDump: boolean;
  readonly copyMaxBytes: number;
}

const HUGE_PAGE_DEFAULT_BYTES = 2 * 2 ** 20;
const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** One address space of a process: what is in it, and what of that is to be captured. Made while the process stands still. */
export class ProcessView {
  readonly files: MemoryFiles;
  readonly #proc: ProcDirectory;
  readonly #space: AddressSpace;
  readonly #planner: CapturePlanner;
  readonly #data: SharedData;
  /** Looked at once for each mapping. */
  readonly #elf = new WeakMap<Mapping, boolean>();

  constructor(proc: ProcDirectory, options: ProcessViewOptions) {
    this.#proc = proc;
    this.files = new MemoryFiles(proc);
    const systems = new FileSystems(proc.path);
    this.#data = new SharedData(proc.path);
    this.#space = new AddressSpace({
      basePageSize: pageSize,
      hugePageSize: hugePageSize(),
      fileSystemOf: (line) => systems.of(line),
    });
    this.#planner = new CapturePlanner({
      ...options,
      basePageSize: pageSize,
      scan: populatedScan(this.files.pagemapFd),
      isElf: (mapping) => this.#isElf(mapping),
      sharedData: (mapping) => this.#data.of(mapping),
    });
  }

  /** Of the last look. */
  get mappings(): readonly Mapping[] {
    return this.#space.mappings;
  }

  /** Reads what there is, with flags: while the process runs. @throws ProcessGuestError PROCESS_EXITED, PROCESS_EXECED. */
  look(): readonly Mapping[] {
    const maps = this.#maps();
    return this.#space.update(maps, this.files.smaps());
  }

  /** Reads what there is, quickly: while the process stands still. @throws ProcessGuestError PROCESS_EXITED, PROCESS_EXECED. */
  lookAtCut(): readonly Mapping[] {
    return this.#space.update(this.#maps());
  }

  /** What to capture of what was looked at. */
  plan(): CapturePlan {
    return this.#planner.plan(this.#space.mappings);
  }

  /** The same at the cut: what `plan` said is armed or registered already. */
  planAtCut(): CapturePlan {
    return this.#planner.planAtCut(this.#space.mappings);
  }

  /** That this address space is no more, and why. */
  gone(cause?: unknown): ProcessGuestError {
    const code = isRunning(this.#proc) ? 'PROCESS_EXECED' : 'PROCESS_EXITED';
    const what = code === 'PROCESS_EXITED' ? 'has ended' : 'runs another program now';
    return new ProcessGuestError(code, `process ${this.#proc.pid} ${what}`, {
      operands: { pid: this.#proc.pid },
      cause,
    });
  }

  /** Idempotent. */
  close(): void {
    this.#data.close();
    this.files.close();
  }

  #maps(): string {
    const maps = this.files.maps();
    if (maps === '') throw this.gone();
    return maps;
  }

  #isElf(mapping: Mapping): boolean {
    let isElf = this.#elf.get(mapping);
    if (isElf === undefined) {
      const magic = new Uint8Array(ELF_MAGIC.length);
      this.files.read(mapping.start, magic);
      isElf = ELF_MAGIC.every((byte, at) => magic[at] === byte);
      this.#elf.set(mapping, isElf);
    }
    return isElf;
  }
}

function isRunning(proc: ProcDirectory): boolean {
  try {
    return !['Z', 'X', 'x'].includes(parseStat(proc.text('stat')).state);
  } catch {
    return false;
  }
}

function hugePageSize(): number {
  try {
    const kib = /^Hugepagesize:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return kib === undefined ? HUGE_PAGE_DEFAULT_BYTES : Number(kib) * 1024;
  } catch {
    return HUGE_PAGE_DEFAULT_BYTES;
  }
}
