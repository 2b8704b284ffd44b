import { simulatedConnection, type SimulatedConnection } from '@stillframe/snapshot/simulated';
import { describe, expect, it } from 'vitest';
import { MigrationError } from '../src/index.ts';
import { assertOneOwner, ends, stage, type StageOptions, stopAll } from './stage.ts';

/** Any number of further connections. */
function withConnections(lanes: number): { options: StageOptions; made: SimulatedConnection[] } {
  const made: SimulatedConnection[] = [];
  const waiting: ((connection: SimulatedConnection) => void)[] = [];
  const arrived: SimulatedConnection[] = [];
  const options: StageOptions = {
    guest: {},
    source: {
      lanes,
      connect: async () => {
        const connection = simulatedConnection();
        made.push(connection);
        const wait = waiting.shift();
        if (wait === undefined) arrived.push(connection);
        else wait(connection);
        return connection.source;
      },
    },
    destination: {
      next: async (signal) => {
        const connection =
          arrived.shift() ??
          (await new Promise<SimulatedConnection>((resolve, reject) => {
            const onAbort = () => reject(signal.reason);
            signal.addEventListener('abort', onAbort, { once: true });
            waiting.push((came) => {
              signal.removeEventListener('abort', onAbort);
              resolve(came);
            });
          }));
        return connection.destination;
      },
    },
  };
  return { options, made };
}

describe('further connections for pages', () => {
  it.each([1, 3, 16])('%i bring their share, and the guest is whole', async (lanes) => {
    const { options, made } = withConnections(lanes);
    const set = stage(options);
    const both = await ends(set);
    expect(await assertOneOwner(set, both)).toBe('destination');
    expect(made).toHaveLength(lanes);
    if (both.source instanceof MigrationError || both.destination instanceof MigrationError)
      throw new Error('failed');
    expect(both.source.digest).toBe(both.destination.digest);
    // Of the first connection alone.
    expect(both.destination.receivedBytes).toBeLessThan(both.source.sentBytes);
    stopAll(set);
  });

  it('leave the guest at the source when one of them is cut', async () => {
    const { options, made } = withConnections(2);
    const set = stage({ ...options, guest: { before: (step) => cutOn(step, 'pause', made) } });
    const both = await ends(set);
    expect(both.source).toMatchObject({ code: 'peer-lost' });
    expect(both.destination).toBeInstanceOf(MigrationError);
    expect(await assertOneOwner(set, both)).toBe('source');
    stopAll(set);
  });
});

function cutOn(step: string, at: string, made: readonly SimulatedConnection[]): void {
  if (step === at) made[1]!.sever();
}
