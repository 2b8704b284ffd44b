import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { none } from '@stillframe/limiter';
import { memorySink, type Sink, takeSnapshot } from '@stillframe/snapshot';
import { HUGE_PAGE_2MIB } from '@stillframe/uffd';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withHugePages } from '../../uffd/test/huge-pages.ts';
import { decodeProcessState, FILTER_DEFAULT, processGuest } from '../src/process/index.ts';
import { MemoryFiles } from '../src/process/memory-files.ts';
import { ProcDirectory } from '../src/process/proc-directory.ts';
import { CoreImage } from './core-image.ts';
import { ROOMY, takeCore } from './take-core.ts';
import { TargetProgram } from './target.ts';
import { traces } from './traces.ts';

const PAGE = 4096;

/** The last one: new memory came to be, not armed, where some was unmapped. */
const OUTCOMES = ['fine', 'CAPTURE_GUEST_DISCARDED', 'CAPTURE_GUEST_REMAPPED', 'CAPTURE_DISARMED'];

/** Both make a text that is in no file, work on, and end with their input. */
const NODE_PROGRAM = `
  const kept = Buffer.from('-made-at-run-time'.slice(1).concat('-').repeat(3));
  setInterval(() => { globalThis.garbage = Array.from({ length: 1000 }, (_, n) => ({ n, kept })); }, 1);
  process.stdin.on('end', () => process.exit(0)).resume();
  console.log('ready');`;
const PYTHON_PROGRAM = `
import sys, threading
kept = bytearray(('made-at-run-' + 'time-').encode() * 3)
def work():
    while True: garbage = [bytes(n) for n in range(1000)]
threading.Thread(target=work, daemon=True).start()
print('ready', flush=True)
sys.stdin.read()`;

let program: TargetProgram;
let busy: TargetProgram;
let folder: string;
beforeAll(() => {
  program = new TargetProgram();
  busy = new TargetProgram('busy');
  folder = mkdtempSync(path.join(import.meta.dirname, '../node_modules/.core-'));
});
afterAll(async () => {
  await program[Symbol.asyncDispose]();
  await busy[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const coreFile = (name: string) => path.join(folder, `core.${name}`);

describe('a process that stands idle', () => {
  test('is shown as it is, and left as it was', async () => {
    const zoo = await program.start('zoo', folder);
    const before = traces(zoo.pid);
    await using guest = await processGuest({ pid: zoo.pid });
    const { received } = await takeCore(guest, coreFile('zoo'));
    expect(received.regions).toEqual(guest.regions);
    const core = new CoreImage(readFileSync(coreFile('zoo')));
    const files = new MemoryFiles(new ProcDirectory(zoo.pid));
    for (const { address, offset, fileBytes } of core.segments) {
      const memory = new Uint8Array(fileBytes);
      files.read(address, memory);
      expect(Buffer.compare(memory, core.bytes.subarray(offset, offset + fileBytes))).toBe(0);
    }
    files.close();
    for (const name of ['anonymous', 'closed', 'shared', 'memfd', 'alias-one', 'sysv']) {
      expect(core.text(zoo.made(name).address)).toBe('page 0');
    }
    expect(core.text(zoo.made('memfd').address + 32n * BigInt(PAGE))).toBe('not mapped in');
    expect(core.text(zoo.made('sparse').address + 2n ** 39n)).toBe('page 0');
    expect(core.text(zoo.made('data').address)).toBe('written before');
    expect(core.has(zoo.made('dontdump').address)).toBe(false);
    expect(core.has(zoo.made('shared-file').address)).toBe(false);
    await guest[Symbol.asyncDispose]();
    expect(traces(zoo.pid)).toEqual(before);
    expect(await zoo.end()).toBe(0);
  });

  test('can be captured again and again', async () => {
    const target = await program.start('zoo', folder);
    await using guest = await processGuest({ pid: target.pid });
    const first = await takeCore(guest, coreFile('one'));
    const second = await takeCore(guest, coreFile('two'));
    expect(second.summary.pages).toBe(first.summary.pages);
    expect(new CoreImage(readFileSync(coreFile('two'))).text(target.made('anonymous').address)).toBe(
      'page 0',
    );
    expect(await target.end()).toBe(0);
  });

  test('is not traced, not armed and has nothing of ours between captures', async () => {
    const target = await program.start('zoo', folder);
    const before = traces(target.pid);
    await using guest = await processGuest({ pid: target.pid });
    expect(traces(target.pid)).toEqual(before);
    const capture = await guest.open(ROOMY);
    await guest.pause();
    capture.arm();
    await guest.resume();
    expect(traces(target.pid).armedMappings).toBeGreaterThan(0);
    await capture.close();
    expect(traces(target.pid)).toEqual(before);
  });
});

describe('the state of a process', () => {
  test('says what it is, which regions were copied, and whose memory others have too', async () => {
    const target = await program.start('family');
    await using guest = await processGuest({ pid: target.pid });
    const capture = await guest.open(ROOMY);
    await guest.pause();
    const saved = await guest.saveState();
    capture.arm();
    await guest.resume();
    const state = decodeProcessState(saved);
    await capture.close();
    expect(state).toMatchObject({
      pid: target.pid,
      ppid: process.pid,
      fname: 'target',
      args: `${program.file} family`,
      exe: program.file,
      cwd: process.cwd(),
      filter: FILTER_DEFAULT,
      includesDontDump: false,
      threads: [{ tid: target.pid, comm: 'target', stopSignal: 0 }],
    });
    const mappingAt = (address: bigint) =>
      state.mappings.find(({ start, end }) => start <= address && address < end);
    expect(mappingAt(target.made('family').address)?.sharedWithOthers).toBe(true);
    expect(mappingAt(target.made('alone').address)?.sharedWithOthers).toBe(false);
    const kinds = (copied: boolean) =>
      new Set(
        state.regions
          .filter((region) => region.copied === copied)
          .map(({ address }) => mappingAt(address)?.kind),
      );
    // Anonymous: where the kernel writes when its thread ends.
    expect(kinds(true)).toEqual(new Set(['private-file', 'vdso', 'anonymous']));
    expect(kinds(false)).toEqual(new Set(['anonymous', 'heap', 'stack', 'shared-memory']));
    expect(() => saved.bytes.length).not.toThrow();
    expect(await target.end()).toBe(0);
  });

  test('is asked for during a pause', async () => {
    const target = await program.start('plain');
    await using guest = await processGuest({ pid: target.pid });
    await expect(guest.saveState()).rejects.toThrow(TypeError);
  });
});

describe('a process that works', () => {
  test.for(['tickets', 'shared-tickets'])('%s: the image is one instant', async (mode) => {
    const target = await busy.start(mode);
    const before = traces(target.pid);
    const { address, sizeBytes } = target.made('tickets');
    await using guest = await processGuest({ pid: target.pid });
    for (const round of ['first', 'second']) {
      // oxlint-disable-next-line no-await-in-loop -- one capture at a time
      await takeCore(guest, coreFile(round));
      const core = new CoreImage(readFileSync(coreFile(round)));
      const tickets = Array.from({ length: sizeBytes / PAGE }, (_, page) =>
        core.word(address + BigInt(page * PAGE)),
      );
      checkTickets(tickets);
    }
    await guest[Symbol.asyncDispose]();
    expect(traces(target.pid)).toMatchObject({ tracer: '0', armedMappings: 0, fds: before.fds });
    expect(await target.end()).toBe(0);
  });

  test.for(['fork', 'mmap', 'mremap', 'brk', 'thread', 'madvise'])(
    '%s: the image is right, or the capture fails and says why',
    async (mode) => {
      const target = await busy.start(mode);
      await using guest = await processGuest({ pid: target.pid });
      const { address } = target.made('still');
      const outcomes = new Set<string>();
      for (let round = 0; round < 5; round++) {
        // oxlint-disable-next-line no-await-in-loop -- one capture at a time
        outcomes.add(await attempt(guest, coreFile('busy')));
        if (!outcomes.has('fine')) continue;
        const core = new CoreImage(readFileSync(coreFile('busy')));
        for (const page of [0, 1000, 2047])
          expect(core.text(address + BigInt(page * PAGE))).toBe(`page ${page}`);
      }
      for (const outcome of outcomes) {
        expect(OUTCOMES).toContain(outcome);
      }
      await guest[Symbol.asyncDispose]();
      expect(traces(target.pid).armedMappings).toBe(0);
      expect(await target.end()).toBe(0);
    },
  );

  test.for([
    ['exit', 'PROCESS_EXITED', 7],
    ['exec', 'PROCESS_EXECED', 0],
  ] as const)('%s in the middle', async ([mode, code, exitCode]) => {
    const target = await busy.start(mode);
    await using guest = await processGuest({ pid: target.pid });
    const gone = once(target.child, 'exit');
    const sink = stuckSink(async () => {
      target.child.stdin?.write('x');
      if (mode === 'exit') await gone;
      else await target.ready();
    });
    const run = takeSnapshot({
      guest,
      sink,
      limiter: none(),
      capture: { preImagesMaxBytes: 2 ** 20, overflow: 'stall' },
    });
    await expect(run.result).rejects.toMatchObject({ cause: { code } });
    await expect(guest.open(ROOMY)).rejects.toMatchObject({ code });
    expect(mode === 'exec' ? await target.end() : target.child.exitCode).toBe(exitCode);
  });
});

describe('programs that everybody has', () => {
  test.for([
    ['node', process.execPath, '-e', NODE_PROGRAM],
    ['python3', 'python3', '-c', PYTHON_PROGRAM],
  ])('%s', async ([, file = '', flag = '', text = '']) => {
    const child = spawn(file, [flag, text], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    const before = traces(child.pid!);
    const guest = await processGuest({ pid: child.pid! });
    await takeCore(guest, coreFile('program'));
    await guest[Symbol.asyncDispose]();
    expect(readFileSync(coreFile('program')).includes('made-at-run-time-'.repeat(3))).toBe(true);
    expect(traces(child.pid!)).toMatchObject({ tracer: '0', armedMappings: 0, fds: before.fds });
    const ended = once(child, 'exit');
    child.stdin.end();
    expect(await ended).toEqual([0, null]);
  });
});

describe('a mapping of which only a part was touched', () => {
  test('stays one mapping: its owner can grow it while it is armed', async () => {
    const target = await busy.start('grow');
    await using guest = await processGuest({ pid: target.pid });
    const capture = await guest.open(ROOMY);
    await guest.pause();
    capture.arm();
    await guest.resume();
    const gone = once(target.child, 'exit');
    target.child.stdin?.write('x');
    expect(await gone).toEqual([0, null]);
    await capture.close().catch(() => {});
  });
});

describe('huge pages', () => {
  test('are regions of huge pages, only those that exist', async (context) => {
    await withHugePages(context, 4, async () => {
      const target = await program.start('huge');
      const { address } = target.made('huge');
      const guest = await processGuest({ pid: target.pid });
      await takeCore(guest, coreFile('huge'));
      expect(guest.regions.filter(({ pageSize }) => pageSize === HUGE_PAGE_2MIB)).toEqual([
        expect.objectContaining({ sizeBytes: 2 * HUGE_PAGE_2MIB }),
      ]);
      await guest[Symbol.asyncDispose]();
      const core = new CoreImage(readFileSync(coreFile('huge')));
      expect(core.text(address + BigInt(HUGE_PAGE_2MIB))).toBe('huge page 1');
      expect(core.text(address + BigInt(3 * HUGE_PAGE_2MIB - 16))).toBe('huge page 2');
      expect(await target.end()).toBe(0);
    });
  });
});

describe('memory that its owner throws away', () => {
  test('is counted and zero when that is asked for', async () => {
    const target = await busy.start('madvise');
    await using guest = await processGuest({ pid: target.pid });
    const { address } = target.made('still');
    for (let round = 0; round < 3; round++) {
      // oxlint-disable-next-line no-await-in-loop -- one capture at a time
      await takeCore(guest, coreFile('discarded'), { ...ROOMY, discarded: 'zero' });
      const core = new CoreImage(readFileSync(coreFile('discarded')));
      expect(core.text(address + BigInt(1000 * PAGE))).toBe('page 1000');
    }
    expect(await target.end()).toBe(0);
  });
});

describe('large numbers', () => {
  test('10,000 mappings', async () => {
    const target = await program.start('mappings', '10000');
    const { address } = target.made('mappings');
    await using guest = await processGuest({ pid: target.pid });
    await takeCore(guest, coreFile('mappings'));
    const core = new CoreImage(readFileSync(coreFile('mappings')));
    for (const number of [1, 4999, 9999]) {
      expect(core.text(address + BigInt(number * 2 * PAGE))).toBe(`mapping ${number}`);
    }
    expect(core.segments.length).toBeGreaterThan(9999);
    expect(await target.end()).toBe(0);
  });

  test('500 threads', async () => {
    const target = await program.start('threads', '500');
    await using guest = await processGuest({ pid: target.pid });
    await takeCore(guest, coreFile('threads'));
    const core = new CoreImage(readFileSync(coreFile('threads')));
    expect(core.notes.filter(({ type }) => type === 1)).toHaveLength(501);
    expect(await target.end()).toBe(0);
  });
});

describe('what is refused', () => {
  test('is left as it was', async () => {
    const target = await program.start('seccomp');
    const before = traces(target.pid);
    await expect(processGuest({ pid: target.pid })).rejects.toMatchObject({ code: 'PROCESS_SECCOMP' });
    expect(traces(target.pid)).toEqual(before);
    expect(await target.end()).toBe(0);
  });

  test('options out of range', async () => {
    await expect(processGuest({ pid: 0 })).rejects.toThrow(RangeError);
    for (const copyMaxBytes of [-1, 0.5]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(processGuest({ pid: 1, copyMaxBytes })).rejects.toThrow(RangeError);
    }
  });

  test('more to copy than allowed: the process is let go', async () => {
    const target = await program.start('plain');
    const before = traces(target.pid);
    await expect(processGuest({ pid: target.pid, copyMaxBytes: PAGE })).rejects.toMatchObject({
      code: 'PROCESS_COPY_TOO_LARGE',
    });
    expect(traces(target.pid)).toEqual(before);
    expect(await target.end()).toBe(0);
  });

  test('a filter that leaves nothing to protect: the process is let go', async () => {
    const target = await program.start('plain');
    const before = traces(target.pid);
    const guest = await processGuest({ pid: target.pid, filter: ['elf-headers'] });
    await expect(guest.open(ROOMY)).rejects.toMatchObject({ code: 'PROCESS_NOTHING_TO_ARM' });
    await guest[Symbol.asyncDispose]();
    expect(traces(target.pid)).toEqual(before);
    expect(await target.end()).toBe(0);
  });

  test('two captures at once, and any after the end', async () => {
    const target = await program.start('plain');
    const guest = await processGuest({ pid: target.pid });
    const capture = await guest.open(ROOMY);
    await expect(guest.open(ROOMY)).rejects.toThrow(TypeError);
    await capture.close();
    await guest[Symbol.asyncDispose]();
    await guest[Symbol.asyncDispose]();
    await expect(guest.open(ROOMY)).rejects.toMatchObject({ code: 'PROCESS_CLOSED' });
    expect(await target.end()).toBe(0);
  });
});

/** Every page holds the last ticket that it was the turn of; the newest of all may be on its way. */
function checkTickets(tickets: readonly bigint[]): void {
  const newest = tickets.reduce((one, other) => (one > other ? one : other));
  const count = BigInt(tickets.length);
  const expected = tickets.map((_, page) => newest - ((((newest - BigInt(page)) % count) + count) % count));
  expect(tickets).toEqual(expected);
}

async function attempt(guest: Awaited<ReturnType<typeof processGuest>>, file: string): Promise<string> {
  try {
    await takeCore(guest, file);
    return 'fine';
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return cause instanceof Error && 'code' in cause ? String(cause.code) : String(error);
  }
}

/** Does something when the first pages arrive, before it takes them. */
function stuckSink(atFirstPages: () => Promise<void>): Sink {
  const sink = memorySink({ maxBytes: 2 ** 30 });
  let isFirst = true;
  return {
    write: async (buffers) => {
      const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
      if (isFirst && bytes > 64 * 1024) {
        isFirst = false;
        await atFirstPages();
      }
      await sink.write(buffers);
    },
    end: () => sink.end(),
    abort: (reason) => sink.abort(reason),
  };
}
