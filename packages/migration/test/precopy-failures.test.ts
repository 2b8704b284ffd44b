import { describe, expect, it } from 'vitest';
import { MigrationError, precopyPolicy } from '../src/index.ts';
import type { MovingGuestStep, MovingTargetStep } from '../src/simulated/index.ts';
import {
  assertOneOwner,
  ends,
  type Ends,
  stage,
  type Stage,
  type StageOptions,
  stopAll,
  TestRecord,
} from './stage.ts';

/** Runs to the end, checks what must hold however it ends, and says how it ended. */
async function run(
  options: StageOptions,
  meanwhile?: (stage: Stage) => void,
): Promise<Ends & { owner: string }> {
  const set = stage(options);
  meanwhile?.(set);
  const both = await ends(set);
  const owner = await assertOneOwner(set, both);
  stopAll(set);
  return { ...both, owner };
}

function failOn<Step>(step: Step, at = 1) {
  let count = 0;
  return (asked: Step) => {
    if (asked === step && ++count === at) throw new Error(`${String(step)} fails`);
  };
}

function hangsLoading(step: MovingTargetStep): Promise<void> | undefined {
  return step === 'loadState' ? new Promise<void>(() => undefined) : undefined;
}

function codeOf(end: Ends['source' | 'destination']): string {
  return end instanceof MigrationError ? end.code : 'done';
}

/** Bytes that each side sends in an undisturbed run: cuts are made at and around the end of these. */
async function undisturbed(): Promise<{ source: number; destination: number }> {
  const set = stage();
  const { source } = await ends(set);
  if (source instanceof MigrationError) throw source;
  stopAll(set);
  // HELLO, PREPARED, STARTED.
  return { source: source.sentBytes, destination: 80 + 64 + 64 };
}

describe('a cut cable', () => {
  it('leaves one owner wherever it is cut on the way to the destination', async () => {
    const { source: total } = await undisturbed();
    const cuts = Array.from({ length: 24 }, (_, index) => Math.floor((index * total) / 24));
    // Around the last words: END, offer, COMMIT.
    const last = Array.from({ length: 30 }, (_, index) => total - 1 - index * 8);
    const owners = new Set<string>();
    for (const bytes of [...cuts, ...last]) {
      // oxlint-disable-next-line no-await-in-loop -- one migration after the other
      const { owner } = await run({ cutAfter: { side: 'source', bytes } });
      owners.add(owner);
    }
    expect([...owners].toSorted()).toEqual(['nobody yet', 'source']);
  });

  it('leaves one owner wherever it is cut on the way back', async () => {
    const { destination: total } = await undisturbed();
    const owners = new Set<string>();
    for (let bytes = 0; bytes < total; bytes += 4) {
      // oxlint-disable-next-line no-await-in-loop -- one migration after the other
      const { owner } = await run({ cutAfter: { side: 'destination', bytes } });
      owners.add(owner);
    }
    expect([...owners].toSorted()).toEqual(['destination', 'source']);
  });

  it('is indeterminate when STARTED is lost: the source keeps the guest paused, the destination runs it', async () => {
    const { destination: total } = await undisturbed();
    const { source, destination, owner } = await run({ cutAfter: { side: 'destination', bytes: total - 1 } });
    expect([codeOf(source), codeOf(destination), owner]).toEqual(['indeterminate', 'done', 'destination']);
  });

  it('is undecided when COMMIT is lost: both keep the guest, paused', async () => {
    const { source: total } = await undisturbed();
    const { source, destination, owner } = await run({ cutAfter: { side: 'source', bytes: total - 1 } });
    expect([codeOf(source), codeOf(destination), owner]).toEqual([
      'indeterminate',
      'undecided',
      'nobody yet',
    ]);
  });
});

describe('a step that fails', () => {
  it.each<[MovingGuestStep, number, string]>([
    ['track', 1, 'guest-failed'],
    ['readPages', 1, 'guest-failed'],
    ['readPages', 2, 'guest-failed'],
    ['collect', 1, 'guest-failed'],
    ['pause', 1, 'guest-failed'],
    ['saveState', 1, 'guest-failed'],
  ])('at the source: %s, time %i', async (step, at, code) => {
    const { source, destination, owner } = await run({ guest: { before: failOn(step, at) } });
    expect([codeOf(source), codeOf(destination), owner]).toEqual([code, 'peer-aborted', 'source']);
  });

  it.each<[MovingTargetStep]>([['allocate'], ['writePages'], ['loadState'], ['start']])(
    'at the destination: %s',
    async (step) => {
      const { source, destination, owner } = await run({ target: { before: failOn(step) } });
      expect(codeOf(destination)).toBe('target-failed');
      expect(codeOf(source)).toBe(step === 'start' ? 'target-failed' : 'peer-refused');
      expect(owner).toBe('source');
    },
  );

  it('at the source, giving up on record: it takes the guest back', async () => {
    const sourceRecord = new TestRecord<'owner' | 'relinquished'>('owner', (word) => {
      if (word === 'relinquished') throw new Error('disk full');
    });
    const { source, owner } = await run({ sourceRecord });
    expect([codeOf(source), owner]).toEqual(['record-failed', 'source']);
  });

  it('at the source, taking back on record: the guest stays paused, since the record may say otherwise', async () => {
    const sourceRecord = new TestRecord<'owner' | 'relinquished'>('owner', () => {
      throw new Error('disk full');
    });
    const { source, owner } = await run({ sourceRecord });
    expect([codeOf(source), owner]).toEqual(['indeterminate', 'nobody yet']);
  });

  it('at the destination, being prepared on record: the source goes on', async () => {
    const destinationRecord = new TestRecord<'none' | 'prepared' | 'owner' | 'dropped'>('none', () => {
      throw new Error('disk full');
    });
    const { source, destination, owner } = await run({ destinationRecord });
    expect([codeOf(source), codeOf(destination), owner]).toEqual(['peer-refused', 'record-failed', 'source']);
  });

  it('at the destination, being the owner on record: it gives the guest back', async () => {
    const destinationRecord = new TestRecord<'none' | 'prepared' | 'owner' | 'dropped'>('none', (word) => {
      if (word === 'owner') throw new Error('disk full');
    });
    const { source, destination, owner } = await run({ destinationRecord });
    expect([codeOf(source), codeOf(destination), owner]).toEqual([
      'target-failed',
      'record-failed',
      'source',
    ]);
  });
});

describe('a migration that is not wanted any more', () => {
  it('leaves the guest at the source when the source cancels', async () => {
    const cancel = new AbortController();
    const before = (step: MovingGuestStep) => {
      if (step === 'collect') cancel.abort(new Error('enough'));
    };
    const { source, destination, owner } = await run({
      guest: { before },
      source: { signal: cancel.signal },
    });
    expect([codeOf(source), codeOf(destination), owner]).toEqual(['aborted', 'peer-aborted', 'source']);
  });

  it('leaves the guest at the source when the destination cancels', async () => {
    const cancel = new AbortController();
    const before = (step: MovingTargetStep) => {
      if (step === 'loadState') cancel.abort(new Error('enough'));
    };
    const { source, destination, owner } = await run({
      target: { before },
      destination: { signal: cancel.signal },
    });
    expect([codeOf(source), codeOf(destination), owner]).toEqual(['peer-refused', 'aborted', 'source']);
  });

  it('gives up by policy when the guest writes faster than it can be sent', async () => {
    const { source, owner } = await run({
      guest: { pagesPerMs: 50, workingSet: 1 },
      source: { policy: precopyPolicy({ downtimeMs: 5.1, maxRounds: 3 }) },
    });
    expect([codeOf(source), owner]).toEqual(['not-converged', 'source']);
    expect(source).toMatchObject({ operands: { rounds: 3 } });
  });
});

describe('a side that is silent', () => {
  it('is lost to the source: a destination that does not answer the offer', async () => {
    const set = stage({ target: { before: hangsLoading } });
    set.receiving.result.catch(() => undefined);
    await expect(set.sending.result).rejects.toMatchObject({ code: 'peer-lost' });
    expect(set.guest.isRunning).toBe(true);
    stopAll(set);
  });
});
