import { type MemoryAccount, MigrationDecoder } from '@stillframe/page-stream';
import type { Clock, Transport } from '@stillframe/snapshot';
import type { FaultAnswers, MovingGuest } from '../guest.ts';
import { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';

export interface FaultLaneOptions {
  readonly guest: Pick<MovingGuest, 'answerFaults'>;
  readonly connect: () => Promise<Transport>;
  readonly account: MemoryAccount;
  readonly streamId: Uint8Array;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
}

/**
 * A lane of faults; undefined when there can be none, since whatever it is for works without it.
 *
 * Ordering: the destination says HELLO and then nothing until it has read LANE, so nothing is lost when the connection changes hands
 * before LANE is written.
 */
export async function openFaultLane(options: FaultLaneOptions): Promise<FaultAnswers | undefined> {
  const { guest, connect, account, streamId, clock, timeouts } = options;
  if (guest.answerFaults === undefined) return undefined;
  let transport: Transport | undefined;
  try {
    transport = await connect();
    const decoder = new MigrationDecoder({ from: 'destination', account });
    const link = new MigrationLink({ transport, role: 'source', decoder, clock, timeouts });
    await link.open(() => undefined);
    const connection = await transport.giveAway?.();
    if (connection !== undefined) {
      return guest.answerFaults(connection, link.control.lane({ purpose: 'faults', number: 1, streamId }));
    }
  } catch {
    // As if there were none.
  }
  await transport?.destroy();
  return undefined;
}
