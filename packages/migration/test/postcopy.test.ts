import { type PageCodec, pureCodec } from '@stillframe/page-stream';
import { simulatedConnection } from '@stillframe/snapshot/simulated';
import { describe, expect, it } from 'vitest';
import { hybridPolicy, MigrationError } from '../src/index.ts';
import { assertOneOwner, ends, type Ends, stage, type Stage, type StageOptions, stopAll } from './stage.ts';

/** A second connection for requests, as the command line opens it. */
function withLane(options: StageOptions): StageOptions {
  const lane = simulatedConnection({ bufferBytes: 16 * 1024 });
  const arrivals = [lane.destination];
  return {
    ...options,
    source: { mode: 'postcopy', connect: async () => lane.source, ...options.source },
    destination: {
      next: (signal) => {
        const arrival = arrivals.shift();
        if (arrival !== undefined) return Promise.resolve(arrival);
        return new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
      },
      ...options.destination,
    },
  };
}

describe('post-copy', () => {
  it.each([
    { lane: 'on a lane of its own', options: withLane({ target: { pagesPerMs: 20 } }) },
    {
      lane: 'between the pages that are pushed',
      options: { source: { mode: 'postcopy' }, target: { pagesPerMs: 20 } } as const,
    },
  ])('hands over first, and pages follow: requests $lane', async ({ options }) => {
    const set = stage(options);
    const both = await ends(set);
    expect(both).toMatchObject({ source: { postcopy: true }, destination: { postcopy: true } });
    expect(await assertOneOwner(set, both)).toBe('destination');
    expect(set.target.lazyMemory?.faults).toBeGreaterThan(0);
    if (both.source instanceof MigrationError || both.destination instanceof MigrationError)
      throw new Error('failed');
    expect(both.source.requestedPages).toBe(both.destination.requestedPages);
    expect(both.source.requestedPages).toBeGreaterThan(0);
    expect(both.source.digest).toBe(both.destination.digest);
    // Each page once, and of those that were asked for only the ones again that had been pushed already.
    expect(both.source.sentPages).toBeGreaterThanOrEqual(both.source.pages);
    expect(both.source.sentPages).toBeLessThan(both.source.pages + both.source.requestedPages);
    stopAll(set);
  });

  it('is refused by a target that cannot run with pages to come, and the guest stays', async () => {
    const set = stage({ source: { mode: 'postcopy' } });
    Object.assign(set.target, { lazy: undefined });
    const both = await ends(set);
    expect(both.source).toMatchObject({ code: 'peer-refused' });
    expect(await assertOneOwner(set, both)).toBe('source');
    stopAll(set);
  });
});

describe('a digest that is wrong after the hand-over', () => {
  it('leaves two halves that are both paused and kept', async () => {
    // What every page of the first region adds is wrong at the destination.
    const damaging: PageCodec = {
      ...pureCodec,
      digestRun(pages, seed, region, firstUnit, digest) {
        const crc = pureCodec.digestRun(pages, seed, region, firstUnit, digest);
        if (region === 0) digest[0] = digest[0]! + 1;
        return crc;
      },
    };
    const set = stage(withLane({ destination: { codec: damaging } }));
    const both = await ends(set);
    expect(both.destination).toMatchObject({ code: 'split', message: expect.stringContaining('the digest') });
    expect(await described(set, both)).toBe('split: two halves, paused');
    stopAll(set);
  });
});

describe('hybrid', () => {
  const busy = { pagesPerMs: 30, workingSet: 1 };

  it('switches by itself when rounds cost too much, and sends little more than the memory', async () => {
    const set = stage(
      withLane({
        guest: { ...busy },
        source: { mode: 'hybrid', policy: hybridPolicy({ downtimeMs: 5.1 }) },
      }),
    );
    const both = await ends(set);
    expect(both.source).toMatchObject({ mode: 'hybrid', postcopy: true, policy: 'hybrid' });
    if (both.source instanceof MigrationError) throw both.source;
    expect(both.source.totalRatio).toBeLessThan(1.3);
    expect(await assertOneOwner(set, both)).toBe('destination');
    stopAll(set);
  });

  it('switches in the middle of a round, and what it has not sent follows', async () => {
    const set = stage(
      withLane({
        guest: { regions: [{ pageCount: 4000 }], pagesPerMs: 400, workingSet: 1 },
        source: { mode: 'hybrid', policy: hybridPolicy() },
      }),
    );
    const both = await ends(set);
    const { source } = both;
    if (source instanceof MigrationError) throw source;
    expect(source.rounds).toHaveLength(1);
    expect(source.rounds[0]!.pages).toBeLessThan(source.pages);
    expect(source.totalRatio).toBeLessThan(1.3);
    expect(await assertOneOwner(set, both)).toBe('destination');
    stopAll(set);
  });

  it('stays pre-copy when the rest fits the downtime', async () => {
    const set = stage(
      withLane({ guest: { pagesPerMs: 0.01 }, source: { mode: 'hybrid', policy: hybridPolicy() } }),
    );
    const both = await ends(set);
    expect(both.source).toMatchObject({ mode: 'hybrid', postcopy: false });
    expect(await assertOneOwner(set, both)).toBe('destination');
    stopAll(set);
  });
});

/** How it ended, and who has the guest; throws where that must not be. */
async function described(set: Stage, both: Ends): Promise<string> {
  const { source, destination } = both;
  if (!(source instanceof MigrationError)) return 'done';
  if (source.code !== 'split') return `${source.code}: ${await assertOneOwner(set, both)}`;
  const { guest, target } = set;
  if (guest.isRunning || guest.isReleased || target.isRunning)
    throw new Error('a half is not paused, or not kept');
  if (!(destination instanceof MigrationError && destination.code === 'split'))
    throw new Error('not split there');
  const wrong = target.wrongPages();
  if (wrong.length > 0) throw new Error(wrong[0]);
  return 'split: two halves, paused';
}

describe('a cable that is cut in post-copy', () => {
  it('leaves one owner, or two halves that are both paused and kept, wherever it is cut', async () => {
    const undisturbed = stage({ source: { mode: 'postcopy' } });
    const { source } = await ends(undisturbed);
    if (source instanceof MigrationError) throw source;
    stopAll(undisturbed);
    const seen = new Set<string>();
    for (let index = 0; index < 40; index++) {
      const set = stage({
        source: { mode: 'postcopy' },
        cutAfter: { side: 'source', bytes: Math.floor((index * source.sentBytes) / 40) },
      });
      // oxlint-disable-next-line no-await-in-loop -- one migration after the other
      const both = await ends(set);
      // oxlint-disable-next-line no-await-in-loop -- as above
      const end = await described(set, both);
      seen.add(end);
      stopAll(set);
    }
    expect([...seen].toSorted()).toEqual(['peer-lost: source', 'split: two halves, paused']);
  });
});
