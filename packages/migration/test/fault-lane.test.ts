import { closeSync, fstatSync, openSync } from 'node:fs';
import {
  ControlEncoder,
  features,
  MemoryAccount,
  MigrationDecoder,
  ownHello,
  pureCodec,
} from '@stillframe/page-stream';
import { monotonicClock, type Transport } from '@stillframe/snapshot';
import { simulatedConnection } from '@stillframe/snapshot/simulated';
import { expect, it, describe } from 'vitest';
import { acceptLane } from '../src/destination/accept-lane.ts';
import { FaultArrivals } from '../src/destination/fault-arrivals.ts';
import { FaultConnection } from '../src/destination/fault-connection.ts';
import type { ArrivedPage, MovingGuest } from '../src/guest.ts';
import { MigrationLink } from '../src/link/migration-link.ts';
import { migrationTimeouts } from '../src/index.ts';
import { PageSet } from '../src/pages/page-set.ts';
import { ArrivedPages } from '../src/source/arrived-pages.ts';
import { openFaultLane } from '../src/source/open-fault-lane.ts';

const PAGE = 4096;
const REGIONS = [{ id: 0, name: 'heap', sizeBytes: 16 * PAGE, pageSize: PAGE }];
const STREAM_ID = new Uint8Array(16).fill(3);
const clock = monotonicClock;
const timeouts = migrationTimeouts;

const account = () => new MemoryAccount(REGIONS);
const anyFd = () => openSync('/dev/null', 'r');
const content = (page: number) => new Uint8Array(PAGE).fill(page + 1);
const refuse = () => Promise.reject(new Error('refused'));
const rethrow = (error: unknown) => {
  throw error;
};
const isOpen = (fd: number) => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

/** Gives away `fd`, and is gone. */
function detachable(transport: Transport, fd: number | undefined): Transport {
  return {
    ...transport,
    async giveAway() {
      if (fd !== undefined) await transport.destroy();
      return fd;
    },
  };
}

/** Both ends of a lane of faults; the source's last word goes the way that `say` says. */
async function lane(options: { readonly streamId?: Uint8Array; readonly destinationFd?: number }) {
  const { source, destination } = simulatedConnection();
  const accepting = acceptLane({
    transport: detachable(destination, options.destinationFd),
    account: account(),
    streamId: STREAM_ID,
    clock,
    timeouts,
    onFrame: () => undefined,
  });
  const decoder = new MigrationDecoder({ from: 'destination', account: account() });
  const link = new MigrationLink({ transport: source, role: 'source', decoder, clock, timeouts });
  await link.open(() => undefined);
  const { streamId = STREAM_ID } = options;
  await link.send([link.control.lane({ purpose: 'faults', number: 1, streamId })]);
  return await accepting;
}

describe('a lane of faults at the destination', () => {
  it('is detached when it has named the migration', async () => {
    const fd = anyFd();
    const opened = await lane({ destinationFd: fd });
    expect(opened).toMatchObject({ purpose: 'faults', detached: fd });
    opened!.receiving.catch(() => undefined);
    closeSync(fd);
  });

  it.each([
    ['another stream id', new Uint8Array(16).fill(4)],
    ['one that differs in its last byte', STREAM_ID.with(15, 2)],
  ])('is refused to who names %s', async (_name, streamId) => {
    const fd = anyFd();
    expect(await lane({ destinationFd: fd, streamId })).toBeUndefined();
    expect(isOpen(fd)).toBe(true);
    closeSync(fd);
  });

  it('is refused where it cannot be detached', async () => {
    expect(await lane({})).toBeUndefined();
  });

  it.each(['before', 'behind'])('is given to the memory that asks on it, which comes %s it', (order) => {
    const taken: number[] = [];
    const memory = { askOn: (fd: number) => void taken.push(fd) };
    const faults = new FaultConnection();
    const [fd, second] = [anyFd(), anyFd()];
    if (order === 'before') faults.giveTo(memory);
    faults.came(fd);
    if (order === 'behind') faults.giveTo(memory);
    faults.came(second);
    faults.close();
    expect(taken).toEqual([fd]);
    expect([isOpen(fd), isOpen(second)]).toEqual([true, false]);
    closeSync(fd);
  });

  it('is closed when nobody asks on it', () => {
    const [early, late, unwanted] = [anyFd(), anyFd(), anyFd()];
    const faults = new FaultConnection();
    faults.came(early);
    faults.close();
    faults.came(late);
    const others = new FaultConnection();
    others.came(unwanted);
    others.giveTo({});
    expect([early, late, unwanted].map(isOpen)).toEqual([false, false, false]);
  });
});

async function open(guest: Pick<MovingGuest, 'answerFaults'>, fd: number | undefined) {
  const { source, destination } = simulatedConnection();
  await destination.write([
    new ControlEncoder().hello(ownHello('destination', undefined, features.MIGRATION)),
  ]);
  return await openFaultLane({
    guest,
    connect: async () => detachable(source, fd),
    account: account(),
    streamId: STREAM_ID,
    clock,
    timeouts,
  });
}

describe('a lane of faults at the source', () => {
  const answers = { pages: 0, bytes: 0, serve: () => undefined, close: () => undefined };

  it('is the guest’s, who says LANE first', async () => {
    const given: { fd: number; greeting: Uint8Array }[] = [];
    const answerFaults = (fd: number, greeting: Uint8Array) => {
      given.push({ fd, greeting });
      return answers;
    };
    expect(await open({ answerFaults }, 77)).toBe(answers);
    expect(given).toHaveLength(1);
    expect(given[0]!.fd).toBe(77);
    // Header and payload of a LANE frame, which ends with the stream id.
    expect(given[0]!.greeting).toHaveLength(56);
    expect(given[0]!.greeting.slice(-16)).toEqual(STREAM_ID);
  });

  it('does without when the guest, the connection or the destination cannot', async () => {
    expect(await open({}, 77)).toBeUndefined();
    expect(await open({ answerFaults: () => answers }, undefined)).toBeUndefined();
    const guest = { answerFaults: () => answers };
    const options = { guest, connect: refuse, account: account(), streamId: STREAM_ID, clock, timeouts };
    expect(await openFaultLane(options)).toBeUndefined();
  });
});

async function readAll(from: Transport, into: Uint8Array, byteCount: number): Promise<number> {
  let at = 0;
  // oxlint-disable-next-line no-await-in-loop -- as it comes
  while (at < byteCount) at += await from.read(into.subarray(at));
  return at;
}

describe('what came on a lane of faults', () => {
  it('makes the same digest at both ends, and is not asked for any more', async () => {
    const arrivals: ArrivedPage[] = [2, 5, 6].map((page) => ({
      region: 0,
      page,
      crc32c: pureCodec.crc32c(content(page)),
    }));
    const [ours, theirs] = [account(), account()];
    const missing = new PageSet(
      REGIONS,
      [2, 5, 6].map((firstPage) => ({ region: 0, firstPage, pageCount: 1 })),
    );
    const { source, destination } = simulatedConnection();
    const decoder = new MigrationDecoder({ from: 'source', account: theirs });
    const link = new MigrationLink({ transport: destination, role: 'destination', decoder, clock, timeouts });
    await link.send([link.control.hello(ownHello('destination', undefined, features.MIGRATION))]);
    const memory = { takeArrivals: () => arrivals.splice(0) };
    const noted = new FaultArrivals({ memory, account: theirs, missing, link, onFailure: rethrow });
    expect(noted.take()).toMatchObject({ region: 0, page: 6 });
    expect(noted.take()).toBeUndefined();
    expect(noted.pages).toBe(3);
    expect(missing.count).toBe(0);
    expect(theirs.missingCount).toBe(13);

    const told = new MigrationDecoder({ from: 'destination', account: ours });
    const [, bitmap] = told.wrote(await readAll(source, told.writable(), 80 + 56)).frames;
    if (bitmap?.type !== 'resume-bitmap') throw new Error('no bitmap');

    const counted: number[] = [];
    const arrived = new ArrivedPages({
      guest: {
        readPages: (_region: number, page: number, into: Uint8Array) => {
          for (let at = 0; at < into.length; at += PAGE) into.set(content(page + at / PAGE), at);
        },
      },
      account: ours,
      onArrived: ({ firstPage, pageCount }) => void counted.push(firstPage, pageCount),
    });
    await arrived.add(bitmap);
    expect(counted).toEqual([2, 1, 5, 2]);
    expect(ours.digest).toEqual(theirs.digest);
    expect(ours.missingCount).toBe(13);
  });

  it('comes again where pages are larger than what the digest is made of', () => {
    const regions = [{ id: 0, name: 'huge', sizeBytes: 4 * PAGE, pageSize: 2 * PAGE }];
    const huge = new MemoryAccount(regions);
    expect(huge.terms[0]!.arrived(1, 7)).toBe(false);
    expect(huge.missingCount).toBe(2);
  });
});
