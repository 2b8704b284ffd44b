import { type MemoryAccount, MigrationDecoder, type MigrationFrame } from '@stillframe/page-stream';
import type { Clock, Transport } from '@stillframe/snapshot';
import { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';

export interface RequestLaneOptions {
  /** Taken over. */
  readonly transport: Transport;
  readonly account: MemoryAccount;
  readonly streamId: Uint8Array;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  readonly onFrame: (frame: MigrationFrame) => void;
}

/** A connection of its own for pages that are asked for. Resolves when the destination has said HELLO on it; `receive` reads the requests. */
export async function openRequestLane(
  options: RequestLaneOptions,
): Promise<{ readonly link: MigrationLink; readonly receive: () => Promise<void> }> {
  const { transport, account, streamId, clock, timeouts, onFrame } = options;
  const decoder = new MigrationDecoder({ from: 'destination', account });
  const link = new MigrationLink({ transport, role: 'source', decoder, clock, timeouts });
  try {
    const { receive } = await link.open(onFrame);
    link.bePatient();
    await link.send([link.control.lane({ purpose: 'requests', number: 1, streamId })]);
    return { link, receive };
  } catch (error) {
    await link.destroy();
    throw error;
  }
}
