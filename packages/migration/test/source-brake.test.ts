import { describe, expect, it } from 'vitest';
import {
  type ConvergencePolicy,
  type MigrateOptions,
  MigrationError,
  precopyPolicy,
  type RoundNumbers,
} from '../src/index.ts';
import { brakeShareAfter } from '../src/source/source-brake.ts';
import { assertOneOwner, ends, stage, type Stage, stopAll } from './stage.ts';

const MIB = 1024 * 1024;

/** Rounds of a second that left so many MiB. */
function rounds(...dirtyMib: number[]): RoundNumbers[] {
  return dirtyMib.map((mib, index) => ({
    round: index + 1,
    pages: 1,
    bytes: 100 * MIB,
    durationMs: 1000,
    dirtyBytes: mib * MIB,
  }));
}

function share(seen: readonly RoundNumbers[], before = 0, max = 0.9): number {
  return brakeShareAfter(seen, 100 * MIB, before, max);
}

describe('for how much of their time writers are held', () => {
  it('is nothing before there were three rounds, or while they get shorter', () => {
    expect(share(rounds(100, 100))).toBe(0);
    expect(share(rounds(100, 100, 69))).toBe(0);
    expect(share(rounds(100, 100, 71))).toBeGreaterThan(0);
  });

  it('is so much that they write half of what the link takes', () => {
    expect(share(rounds(200, 200, 200))).toBeCloseTo(0.75);
    expect(share(rounds(100, 100, 100))).toBeCloseTo(0.5);
  });

  it('goes by what they would write without it, gets no smaller, and stays below the cap', () => {
    expect(share(rounds(100, 100, 100), 0.5)).toBeCloseTo(0.75);
    expect(share(rounds(30, 30, 30), 0.5)).toBeCloseTo(0.55);
    expect(share(rounds(900, 900, 900))).toBe(0.9);
  });
});

/** A page takes a millisecond, in which the guest writes three. */
const READ_MS = 1;
const inner = precopyPolicy({ downtimeMs: 30, maxRounds: 25 });
/** The first round reads many pages at a time, so it says nothing of how fast single ones go. */
const policy: ConvergencePolicy = {
  name: 'patient',
  decide: (seen) => (seen.rounds.length < 5 ? { action: 'round', reason: 'too soon' } : inner.decide(seen)),
};

function busy(over: Partial<MigrateOptions>, refuses = false): Stage {
  const set: Stage = stage({
    guest: {
      regions: [{ pageCount: 1000 }],
      pagesPerMs: 3,
      workingSet: 1,
      before: (step) => {
        if (step === 'slow' && refuses) throw new Error('not permitted');
        return step === 'readPages' ? set.clock.after(READ_MS) : undefined;
      },
    },
    source: { policy, ...over },
  });
  return set;
}

describe('the brake of a source', () => {
  it('is not drawn unless asked for: the guest does not converge', async () => {
    const set = busy({});
    const both = await ends(set);
    expect(both.source).toMatchObject({ code: 'not-converged' });
    expect(set.guest.steps).not.toContain('slow');
    stopAll(set);
  });

  it('brings a guest to the destination that would not converge, and tells for how much', async () => {
    const set = busy({ brake: { maxShare: 0.95 } });
    const shares: number[] = [];
    const told = (async () => {
      for await (const event of set.sending) if (event.type === 'brake') shares.push(event.share);
    })();
    const both = await ends(set);
    await told;
    if (both.source instanceof MigrationError) throw both.source;
    expect(both.source.brakeShare).toBe(shares.at(-1));
    expect(shares).toEqual(shares.toSorted((one, other) => one - other));
    // Only the first needs the guest at rest.
    expect(set.guest.steps.slice(0, 4)).toEqual(['track', 'pause', 'slow', 'resume']);
    expect(await assertOneOwner(set, both)).toBe('destination');
    stopAll(set);
  });

  it('that fails leaves the guest running at the source', async () => {
    const set = busy({ brake: { maxShare: 0.95 } }, true);
    const both = await ends(set);
    expect(both.source).toMatchObject({ code: 'guest-failed' });
    expect(await assertOneOwner(set, both)).toBe('source');
    stopAll(set);
  });

  it.each([0, 0.951])('takes no share of %f', (maxShare) => {
    expect(() => busy({ brake: { maxShare } })).toThrow(RangeError);
  });
});
