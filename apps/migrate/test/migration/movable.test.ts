import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadGuestModule } from '../../src/migration/load-guest-module.ts';
import type { Movable, RunningMovable } from '../../src/migration/movable.ts';
import { movableGuest } from '../../src/migration/movable-guest.ts';
import { movableTarget } from '../../src/migration/movable-target.ts';
import { allocateGuestMemory } from '../../src/workloads/guest-memory.ts';

const PAGE = 4096;
const SIZE = 16 * PAGE;

/** A guest that does nothing, and what it was asked to do. */
function recorded(memory = new Map([['heap', allocateGuestMemory(SIZE)]])) {
  const calls: string[] = [];
  const running: RunningMovable = {
    memory,
    pause: async () => void calls.push('pause'),
    resume: async () => void calls.push('resume'),
    save: () => Buffer.from('saved'),
    stop: async (why) => void calls.push(`stop ${why}`),
  };
  return { running, calls };
}

describe('a movable at the source', () => {
  it('is paused, saved and given up as a guest that moves', async () => {
    const { running, calls } = recorded();
    const guest = movableGuest('test/one@1', running);
    expect(guest.regions).toEqual([{ id: 0, name: 'heap', sizeBytes: SIZE, pageSize: PAGE }]);
    await guest.pause();
    expect(await guest.saveState()).toEqual({ kind: 'movable/test/one@1', bytes: Buffer.from('saved') });
    await guest.resume();
    await guest.release();
    expect(calls).toEqual(['pause', 'resume', 'stop moved']);
  });

  it('tells which of its pages were written, and gives their content', async () => {
    const { running } = recorded();
    const heap = running.memory.get('heap')!;
    heap.fill(1);
    const guest = movableGuest('test/one@1', running);
    const tracker = await guest.track();
    try {
      await tracker.collect();
      heap[3 * PAGE] = 9;
      const dirty = await tracker.collect();
      const pages = dirty.flatMap(({ firstPage, pageCount }) =>
        Array.from({ length: pageCount }, (_, at) => firstPage + at),
      );
      expect(pages).toContain(3);
      const into = new Uint8Array(PAGE);
      await guest.readPages(0, 3, into);
      expect([into[0], into[1]]).toEqual([9, 1]);
    } finally {
      await tracker.close();
    }
  });
});

function targetFor(options: { maxBytes?: number } = {}) {
  const { running, calls } = recorded();
  let seen: Parameters<Movable['load']> | undefined;
  const movable: Movable = {
    name: 'test/one@1',
    start: () => Promise.reject(new Error('not here')),
    load: async (...args) => {
      seen = args;
      return running;
    },
  };
  const target = movableTarget({ movables: [movable], optionsOf: () => ({ k: 'v' }), ...options });
  return { target, calls, seen: () => seen! };
}

describe('a movable at the destination', () => {
  const regions = [{ id: 0, name: 'heap', sizeBytes: SIZE, pageSize: PAGE }];

  it('is loaded with the last content of each page, and runs when it is started', async () => {
    const { target, calls, seen } = targetFor();
    await target.allocate(regions);
    await target.writePages(0, [{ firstPage: 1, pageCount: 2, kind: 'data' }], Buffer.alloc(2 * PAGE, 7));
    await target.writePages(0, [{ firstPage: 1, pageCount: 1, kind: 'zero' }], new Uint8Array(0));
    await target.loadState({ kind: 'movable/test/one@1', bytes: Buffer.from('saved') });
    expect(calls).toEqual([]);
    await target.start();
    expect(calls).toEqual(['resume']);
    const [{ memory, state }, options] = seen();
    expect(Buffer.from(state).toString()).toBe('saved');
    expect(options).toEqual({ k: 'v' });
    const heap = memory.get('heap')!;
    expect([heap.byteLength, heap[0], heap[PAGE], heap[2 * PAGE], heap[3 * PAGE]]).toEqual([
      SIZE,
      0,
      0,
      7,
      0,
    ]);
  });

  it('of another kind is refused', async () => {
    const { target } = targetFor();
    await target.allocate(regions);
    const state = { kind: 'movable/test/two@1', bytes: new Uint8Array(0) };
    await expect(target.loadState(state)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('that is larger than what is free is refused', async () => {
    const { target } = targetFor({ maxBytes: SIZE - 1 });
    await expect(target.allocate(regions)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('with pages of another size is refused', async () => {
    const { target } = targetFor();
    const huge = [{ ...regions[0]!, sizeBytes: 2 ** 21, pageSize: 2 ** 21 }];
    await expect(target.allocate(huge)).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('that is dropped is stopped', async () => {
    const { target, calls } = targetFor();
    await target.allocate(regions);
    await target.loadState({ kind: 'movable/test/one@1', bytes: new Uint8Array(0) });
    await target.discard();
    expect(calls).toEqual(['stop ended']);
  });
});

function file(name: string): string {
  return path.join(import.meta.dirname, 'modules', name);
}

describe('a guest module', () => {
  it('is loaded with its options', async () => {
    const { movable, options } = await loadGuestModule(`${file('ticker.mjs')},rate=10,name=a=b`);
    expect(movable.name).toBe('test/ticker@1');
    expect(options).toEqual({ rate: '10', name: 'a=b' });
  });

  it.each([
    ['that is not there', 'nothing.mjs', 'cannot be loaded'],
    ['that throws', 'throwing.mjs', 'cannot be loaded: on purpose'],
    ['without a guest', 'empty.mjs', 'exports no guest'],
    ['with a name that no wire carries', 'spaces.mjs', 'its name is "a b"'],
    ['with an option that is none', 'ticker.mjs,rate', '"rate" is no option'],
  ])('%s is a mistake', async (_, name, message) => {
    await expect(loadGuestModule(file(name))).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(message),
    });
  });
});
