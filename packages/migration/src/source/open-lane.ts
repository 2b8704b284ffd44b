import {
  type Lane,
  type MemoryAccount,
  MigrationDecoder,
  type MigrationFrame,
} from '@stillframe/page-stream';
import type { Clock, Transport } from '@stillframe/snapshot';
import { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';

export interface OpenLaneOptions {
  /** Taken over. */
  readonly transport: Transport;
  /** What the connection is for, and the migration that it belongs to. */
  readonly lane: Lane;
  readonly account: MemoryAccount;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  readonly onFrame: (frame: MigrationFrame) => void;
}

/** A further connection of a migration. Resolves when the destination has said HELLO on it; `receive` reads what it says. */
export async function openLane(
  options: OpenLaneOptions,
): Promise<{ readonly link: MigrationLink; readonly receive: () => Promise<void> }> {
  const { transport, lane, account, clock, timeouts, onFrame } = options;
  const decoder = new MigrationDecoder({ from: 'destination', account });
  const link = new MigrationLink({ transport, role: 'source', decoder, clock, timeouts });
  try {
    const { receive } = await link.open(onFrame);
    link.bePatient();
    await link.send([link.control.lane(lane)]);
    return { link, receive };
  } catch (error) {
    await link.destroy();
    throw error;
  }
}
