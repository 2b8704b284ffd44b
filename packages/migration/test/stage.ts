import { type Transport } from '@stillframe/snapshot';
import { simulatedClock, simulatedConnection } from '@stillframe/snapshot/simulated';
import {
  type ArrivalSummary,
  type DestinationRecord,
  type HandOverRecord,
  migrateGuest,
  type MigrateOptions,
  MigrationError,
  type MigrationSummary,
  precopyPolicy,
  receiveGuest,
  type ReceiveGuestOptions,
  reconcileRecords,
  type SourceRecord,
} from '../src/index.ts';
import {
  SimulatedMovingGuest,
  type SimulatedMovingGuestOptions,
  SimulatedMovingTarget,
  type SimulatedMovingTargetOptions,
} from '../src/simulated/index.ts';

/** A record in memory, which may fail. */
export class TestRecord<Word extends SourceRecord | DestinationRecord> implements HandOverRecord<Word> {
  word: Word;
  readonly #before: (word: Word) => void;

  constructor(word: Word, before: (word: Word) => void = () => undefined) {
    this.word = word;
    this.#before = before;
  }

  async write(word: Word): Promise<void> {
    this.#before(word);
    this.word = word;
  }
}

export interface StageOptions {
  readonly guest?: Partial<SimulatedMovingGuestOptions>;
  readonly target?: Partial<SimulatedMovingTargetOptions>;
  readonly source?: Partial<MigrateOptions>;
  readonly destination?: Partial<ReceiveGuestOptions>;
  readonly sourceRecord?: TestRecord<SourceRecord>;
  readonly destinationRecord?: TestRecord<DestinationRecord>;
  /** Cuts the cable when so many bytes went this way. */
  readonly cutAfter?: { readonly side: 'source' | 'destination'; readonly bytes: number };
}

const regions = [{ pageCount: 120 }, { pageCount: 3, pageSize: 64 * 1024 }];

/** A guest and a target at the two ends of a cable, in simulated time. */
export function stage(options: StageOptions = {}) {
  const clock = simulatedClock({ autoAdvance: true });
  const connection = simulatedConnection({ bufferBytes: 64 * 1024 });
  const guest = new SimulatedMovingGuest({
    clock,
    regions,
    pagesPerMs: 5,
    workingSet: 0.3,
    // A read takes time, or nothing would be written meanwhile.
    before: (step) => (step === 'readPages' ? clock.after(1) : undefined),
    ...options.guest,
  });
  const target = new SimulatedMovingTarget({
    clock,
    onStart: () => {
      if (guest.isRunning) throw new Error('the guest runs at the source as well');
    },
    ...options.target,
  });
  const sourceRecord = options.sourceRecord ?? new TestRecord<SourceRecord>('owner');
  const destinationRecord = options.destinationRecord ?? new TestRecord<DestinationRecord>('none');
  const cut = options.cutAfter;
  const counted = (transport: Transport, side: 'source' | 'destination') =>
    cut?.side === side ? cutting(transport, cut.bytes, () => connection.sever()) : transport;
  const sending = migrateGuest({
    guest,
    transport: counted(connection.source, 'source'),
    mode: 'precopy',
    clock,
    policy: precopyPolicy({ downtimeMs: 20, maxRounds: 8 }),
    record: sourceRecord,
    ...options.source,
  });
  const receiving = receiveGuest({
    target,
    transport: counted(connection.destination, 'destination'),
    clock,
    record: destinationRecord,
    ...options.destination,
  });
  return { clock, connection, guest, target, sending, receiving, sourceRecord, destinationRecord };
}

export type Stage = ReturnType<typeof stage>;

export interface Ends {
  readonly source: MigrationSummary | MigrationError;
  readonly destination: ArrivalSummary | MigrationError;
}

/** How both sides ended. What is no MigrationError is thrown. */
export async function ends({ sending, receiving }: Stage): Promise<Ends> {
  const [source, destination] = await Promise.all([settled(sending.result), settled(receiving.result)]);
  return { source, destination };
}

async function settled<T>(result: Promise<T>): Promise<T | MigrationError> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof MigrationError) return error;
    throw error;
  }
}

/** I-4, I-5: what has to be true of a migration that has ended, however it did. Returns who has the guest. */
export async function assertOneOwner(
  { clock, guest, target, sourceRecord, destinationRecord }: Stage,
  { source }: Ends,
): Promise<'source' | 'destination' | 'nobody yet'> {
  if (guest.isTracked) throw new Error('writes are still tracked');
  if (guest.isRunning && target.isRunning) throw new Error('it runs on both sides');
  const byRecord = reconcileRecords(sourceRecord.word, destinationRecord.word);
  const isUnknowable = source instanceof MigrationError && /^(indeterminate|split)$/.test(source.code);
  if (target.isRunning) {
    if (byRecord !== 'destination') throw new Error(`runs at the destination, by the records at ${byRecord}`);
    const before = target.sequence;
    await clock.after(20);
    if (target.sequence <= before) throw new Error('the guest does not go on at the destination');
    const wrong = target.wrongPages();
    if (wrong.length > 0) throw new Error(wrong.slice(0, 3).join('\n'));
  }
  if (isUnknowable) {
    if (guest.isRunning) throw new Error('the source runs the guest though it cannot know');
    return target.isRunning ? 'destination' : 'nobody yet';
  }
  if (source instanceof MigrationError) {
    if (!guest.isRunning) throw new Error(`the source did not resume after ${source.code}`);
    if (byRecord !== 'source') throw new Error(`runs at the source, by the records at ${byRecord}`);
    return 'source';
  }
  if (!target.isRunning || !guest.isReleased) throw new Error('acknowledged, but it does not run');
  return 'destination';
}

export function stopAll({ guest, target }: Stage): void {
  guest.stop();
  target.stop();
}

/** Lets `bytes` through, the last write in part, and then cuts. */
function cutting(transport: Transport, bytes: number, cut: () => void): Transport {
  let left = bytes;
  return {
    read: (into) => transport.read(into),
    end: () => transport.end(),
    destroy: () => transport.destroy(),
    async write(iovecs) {
      for (const buffer of iovecs) {
        const part = buffer.subarray(0, left);
        // oxlint-disable-next-line no-await-in-loop -- in order
        if (part.length > 0) await transport.write([part]);
        left -= part.length;
        if (left > 0 || part.length === buffer.length) continue;
        cut();
        throw new Error('the cable was cut');
      }
    },
  };
}
