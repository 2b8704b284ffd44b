import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import {
  type MemoryAccount,
  MigrationDecoder,
  type LanePurpose,
  type MigrationFrame,
  type PageCodec,
} from '@stillframe/page-stream';
import { type Clock, type Transport, within } from '@stillframe/snapshot';
import { MigrationError } from '../error.ts';
import { MigrationLink } from '../link/migration-link.ts';
import type { MigrationTimeouts } from '../link/timeouts.ts';

export interface AcceptLaneOptions {
  /** Taken over. */
  readonly transport: Transport;
  readonly account: MemoryAccount;
  /** Of the migration that lanes belong to. */
  readonly streamId: Uint8Array;
  readonly codec?: PageCodec;
  readonly clock: Clock;
  readonly timeouts: MigrationTimeouts;
  /** All frames behind LANE. */
  readonly onFrame: (frame: MigrationFrame, link: MigrationLink) => void | Promise<void>;
}

/** A connection that has named this migration. */
export interface OpenLane {
  readonly link: MigrationLink;
  readonly purpose: LanePurpose;
  /** Ends when the connection does; rejects with MigrationError. */
  readonly receiving: Promise<void>;
  /** Of a lane of faults: the descriptor, which is the caller's; `link` and `receiving` have ended then. */
  readonly detached: number | undefined;
}

/** A further connection, if it belongs to this migration; a stranger is dropped, without harm to the migration, and undefined. */
export async function acceptLane(options: AcceptLaneOptions): Promise<OpenLane | undefined> {
  const { transport, account, streamId, codec, clock, timeouts, onFrame } = options;
  const decoder = new MigrationDecoder({
    from: 'source-lane',
    account,
    ...(codec === undefined ? {} : { codec }),
  });
  const link = new MigrationLink({ transport, role: 'destination', decoder, clock, timeouts });
  let purpose: LanePurpose = 'requests';
  let detached: number | undefined;
  const named = new AbortController();
  const isNamed = once(named.signal, 'abort');
  try {
    const { receive } = await link.open(async (frame) => {
      if (frame.type !== 'lane') return await onFrame(frame, link);
      if (!isSame(frame.streamId, streamId)) {
        throw new MigrationError('corrupt-stream', 'a connection names another migration');
      }
      purpose = frame.purpose;
      // Behind LANE the source waits for questions: nothing that came is lost with the connection.
      if (purpose === 'faults') detached = await detach(transport);
      named.abort('named');
    });
    const receiving = receive();
    const ended = receiving.then(() => Promise.reject(link.lost('it closed the connection')));
    // The order of frames lets nothing through before LANE.
    await within(clock, timeouts.helloMs, Promise.race([isNamed, ended]), () =>
      link.lost('it does not say what it is'),
    );
    link.bePatient();
    return { link, purpose, receiving, detached };
  } catch {
    await link.destroy();
    return undefined;
  }
}

/** How much of it is right is not told by how long the look takes. */
function isSame(streamId: Uint8Array, ours: Uint8Array): boolean {
  return streamId.length === ours.length && timingSafeEqual(streamId, ours);
}

async function detach(transport: Transport): Promise<number> {
  const connection = await transport.giveAway?.();
  if (connection === undefined) throw new MigrationError('peer-lost', 'the lane cannot leave JavaScript');
  return connection;
}
