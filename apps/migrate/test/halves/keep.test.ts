import { existsSync } from 'node:fs';
import path from 'node:path';
import { MigrationError, PageSet } from '@stillframe/migration';
import { expect, it } from 'vitest';
import { keepHalf } from '../../src/halves/keep-half.ts';
import type { GuestHalf } from '../../src/halves/save-half.ts';
import type { LazyMovableMemory } from '../../src/migration/lazy-movable-memory.ts';
import type { Movable, RunningMovable } from '../../src/migration/movable.ts';
import { restingHalf } from '../../src/migration/resting-half.ts';
import { inFolder } from '../read-side/image-files.ts';
import { keepingContext } from '../read-side/run-command.ts';

const PAGE = 4096;
const PAGES = 8;
const REGIONS = [{ id: 0, name: 'heap', sizeBytes: PAGES * PAGE, pageSize: PAGE }];

function halfOf(missing: GuestHalf['missing'] = []): GuestHalf {
  const state = { kind: 'movable/test@1', bytes: new Uint8Array(3) };
  return { regions: REGIONS, state, missing, readPages: (_region, _page, into) => void into.fill(7) };
}

async function keep(failure: unknown, file: string, half: () => Promise<GuestHalf>) {
  const { context, written } = keepingContext();
  const report = context.report(true);
  const streamId = new Uint8Array(16).fill(9);
  const result = await keepHalf(failure, {
    file: { path: file, key: undefined },
    report,
    side: 'destination',
    streamId,
    half,
  });
  return { result, stdout: written.stdout, stderr: written.stderr };
}

it.each(['split', 'undecided', 'indeterminate'] as const)(
  'saves what is here when it is %s, and the failure says where',
  async (code) => {
    await inFolder(async (folder) => {
      const file = path.join(folder, 'half');
      const failure = new MigrationError(code, 'the link broke');
      const missing = [{ region: 0, firstPage: 2, pageCount: 3 }];
      const { result, stdout } = await keep(failure, file, async () => halfOf(missing));
      expect(result).toMatchObject({ code, message: 'the link broke', operands: { half: file } });
      expect(JSON.parse(stdout)).toMatchObject({
        type: 'half',
        state: 'saved',
        migration: '09'.repeat(16),
        pages: PAGES,
        missingPages: 3,
      });
      expect(existsSync(file)).toBe(true);
    });
  },
);

it('saves nothing of a guest that somebody surely has', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'half');
    const failure = new MigrationError('peer-lost', 'the link broke');
    const { result, stdout } = await keep(failure, file, () => Promise.reject(new Error('asked for')));
    expect(result).toBe(failure);
    expect(stdout).toBe('');
  });
});

it('tells what cannot be saved, and fails with the first failure all the same', async () => {
  await inFolder(async (folder) => {
    const failure = new MigrationError('split', 'the link broke');
    const nowhere = path.join(folder, 'gone', 'half');
    const { result, stderr, stdout } = await keep(failure, nowhere, async () => halfOf());
    expect(result).toBe(failure);
    expect(stderr).toContain('is not saved');
    expect(stdout).toContain('"state":"not-saved"');
  });
});

it('does not save memory that came whole and is not what the source had', async () => {
  await inFolder(async (folder) => {
    const file = path.join(folder, 'half');
    const cause = new MigrationError('corrupt-stream', 'another digest');
    const failure = new MigrationError('split', 'split: another digest', { cause });
    expect((await keep(failure, file, async () => halfOf())).result).toBe(failure);
    expect(existsSync(file)).toBe(false);
    // With pages missing the digest has not been looked at: what came has its checksums.
    const missing = [{ region: 0, firstPage: 0, pageCount: 1 }];
    expect((await keep(failure, file, async () => halfOf(missing))).result).not.toBe(failure);
    expect(existsSync(file)).toBe(true);
  });
});

/** A guest with one thread that waits for page 3, and writes to it when it may go on. */
function waitingGuest(overwritesPages: boolean) {
  const view = new Uint8Array(new SharedArrayBuffer(PAGES * PAGE));
  const resting = new AbortController();
  const goOn = () => resting.abort();
  const rest = new Promise<void>((resolve) => {
    resting.signal.addEventListener('abort', () => resolve());
  });
  const running: RunningMovable = {
    memory: new Map([['heap', view]]),
    pause: () => rest,
    resume: async () => {},
    save: () => new Uint8Array([view[3 * PAGE]!]),
    stop: async () => {},
  };
  const lazy: LazyMovableMemory = {
    takeRequests: () => [],
    wait: async () => {},
    install: () => {},
    installZero: () => {},
    missing: () => [...missing.runs()],
    close: () => {},
    abandon() {
      view.fill(5, 3 * PAGE, 4 * PAGE);
      goOn();
    },
  };
  const movable: Movable = {
    name: 'test@1',
    ...(overwritesPages ? { overwritesPages } : {}),
    start: async () => running,
    load: async () => running,
  };
  const missing = new PageSet(REGIONS, [
    { region: 0, firstPage: 0, pageCount: 1 },
    { region: 0, firstPage: 2, pageCount: 4 },
  ]);
  return {
    goOn,
    half: () => restingHalf({ movable, running, regions: REGIONS, memory: [view], lazy, restLimitMs: 20 }),
  };
}

it('a thread that waits goes on to where it rests, if it writes whole pages, and its page is ours', async () => {
  const { state, missing } = await waitingGuest(true).half();
  expect([...state.bytes]).toEqual([5]);
  expect(missing).toEqual([
    { region: 0, firstPage: 0, pageCount: 1 },
    { region: 0, firstPage: 2, pageCount: 1 },
    { region: 0, firstPage: 4, pageCount: 2 },
  ]);
});

it('a thread in the middle of any other write is of no moment that could be saved', async () => {
  await expect(waitingGuest(false).half()).rejects.toMatchObject({ code: 'REFUSED' });
});

it('a guest at rest is saved as it is, whatever it writes', async () => {
  const { half, goOn } = waitingGuest(false);
  goOn();
  const { state, missing } = await half();
  expect([...state.bytes]).toEqual([0]);
  expect(missing.map(({ firstPage, pageCount }) => [firstPage, pageCount])).toEqual([
    [0, 1],
    [2, 4],
  ]);
});
