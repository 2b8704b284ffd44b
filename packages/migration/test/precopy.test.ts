import { simulatedClock, simulatedConnection } from '@stillframe/snapshot/simulated';
import { describe, expect, it } from 'vitest';
import {
  type ConvergencePolicy,
  migrateGuest,
  type MigrationMode,
  precopyPolicy,
  receiveGuest,
} from '../src/index.ts';
import { SimulatedMovingGuest, SimulatedMovingTarget } from '../src/simulated/index.ts';

const regions = [{ pageCount: 700 }, { pageCount: 3, pageSize: 2 * 1024 * 1024 }];

interface StageOptions {
  readonly pagesPerMs?: number;
  readonly mode?: MigrationMode;
  readonly workingSet?: number;
  readonly policy?: ConvergencePolicy;
}

function stage(options: StageOptions = {}) {
  const clock = simulatedClock({ autoAdvance: true });
  const connection = simulatedConnection({ bufferBytes: 256 * 1024 });
  const guest = new SimulatedMovingGuest({
    clock,
    regions,
    pagesPerMs: options.pagesPerMs ?? 5,
    workingSet: options.workingSet ?? 0.05,
    // A read takes time, or nothing would be written meanwhile.
    before: (step) => (step === 'readPages' ? clock.after(1) : undefined),
  });
  const target = new SimulatedMovingTarget({ clock });
  const sending = migrateGuest({
    guest,
    transport: connection.source,
    mode: options.mode ?? 'precopy',
    clock,
    policy: options.policy ?? precopyPolicy({ downtimeMs: 300, maxRounds: 10 }),
  });
  const receiving = receiveGuest({ target, transport: connection.destination, clock });
  return { clock, connection, guest, target, sending, receiving };
}

describe('pre-copy', () => {
  it('moves a guest that goes on writing, and the destination goes on from there', async () => {
    const { clock, guest, target, sending, receiving } = stage();
    const [sent, arrived] = await Promise.all([sending.result, receiving.result]);
    expect(guest).toMatchObject({ isRunning: false, isReleased: true, isTracked: false });
    expect(target.isRunning).toBe(true);
    expect(sent.rounds.length).toBeGreaterThan(0);
    expect(sent.digest).toBe(arrived.digest);
    expect(target.sequence).toBeGreaterThanOrEqual(guest.sequence);
    await clock.after(50);
    expect(target.sequence).toBeGreaterThan(guest.sequence);
    expect(target.wrongPages()).toEqual([]);
    target.stop();
  });

  it.each(['stop', 'switch'] as const)(
    'sends in the end what it held back for being written round after round: %s',
    async (action) => {
      const policy: ConvergencePolicy = {
        name: 'holding',
        decide: ({ rounds }) =>
          rounds.length < HELD_ROUNDS
            ? { action: 'round', reason: 'more', holdsHot: true }
            : { action, reason: 'enough' },
      };
      const mode = action === 'stop' ? 'precopy' : 'hybrid';
      const { target, sending, receiving } = stage({ policy, mode, pagesPerMs: 20 });
      const [{ rounds }] = await Promise.all([sending.result, receiving.result]);
      expect(rounds.length).toBe(HELD_ROUNDS);
      expect(target.wrongPages()).toEqual([]);
      target.stop();
    },
  );
});

const HELD_ROUNDS = 6;
