import { describe, expect, it } from 'vitest';
import { type ComplianceCase, guestCompliance } from '../src/compliance/index.ts';
import type { Capture, CaptureOptions, Slab } from '../src/index.ts';
import { SimulatedGuest, simulatedClock } from '../src/simulated/index.ts';
import { caughtBy, wrap } from './caught-by.ts';

interface Defect {
  readonly name: string;
  readonly caughtBy: string;
  /** Spoils a guest. */
  readonly guest?: (guest: SimulatedGuest) => void;
  /** Spoils each of its captures. */
  readonly capture?: (capture: Capture, guest: SimulatedGuest, options: CaptureOptions) => void;
}

function eachSlab(capture: Capture, change: (slab: Slab) => Slab): void {
  wrap(capture, 'pull', (pull) => (maxSlabs) => pull(maxSlabs).map(change));
}

const defects: readonly Defect[] = [
  {
    name: 'region ids that are not positions',
    caughtBy: 'regions are numbered by position and made of whole pages',
    guest: (guest) =>
      Object.assign(guest, { regions: guest.regions.map((region) => ({ ...region, id: 7 })) }),
  },
  {
    name: 'a page count of its own',
    caughtBy: 'regions are numbered by position and made of whole pages',
    capture: (capture) => Object.assign(capture, { pageCount: capture.pageCount - 1 }),
  },
  {
    name: 'the memory of now instead of that at the cut',
    caughtBy: 'writes after arm are done and not shown',
    capture: (capture, guest) =>
      eachSlab(capture, (slab) => {
        const pages = slab.runs
          .filter(({ kind }) => kind === 'data')
          .flatMap(({ firstPage, pageCount }) =>
            Array.from({ length: pageCount }, (_, index) => guest.read(slab.region, firstPage + index)),
          );
        pages.forEach((page, index) => slab.bytes.set(page, index * page.byteLength));
        return slab;
      }),
  },
  {
    name: 'a page twice',
    caughtBy: 'an idle guest is shown as it is, each page once',
    capture: (capture) =>
      eachSlab(capture, (slab) =>
        Object.assign(slab, { runs: slab.runs.map((run) => ({ ...run, firstPage: 0 })) }),
      ),
  },
  {
    name: 'bytes for memory that was never touched',
    caughtBy: 'memory that nobody ever touched comes as zero runs',
    guest: (guest) => void guest.write(1, 50, new Uint8Array(1)),
  },
  {
    name: 'a pause that stops nobody',
    caughtBy: 'a writer that starts during the pause writes after the cut',
    guest: (guest) => wrap(guest, 'pause', () => async () => {}),
  },
  {
    name: 'a second pause that waits for the first to end',
    caughtBy: 'pausing and resuming twice is once',
    guest: (guest) =>
      wrap(guest, 'pause', (pause) => () => (guest.isPaused ? new Promise(() => {}) : pause())),
  },
  {
    name: 'a state that goes on changing',
    caughtBy: 'the state has a kind and is a copy',
    guest: (guest) => {
      const live = new Uint8Array(8);
      wrap(guest, 'saveState', () => async () => ({ kind: 'live@1', bytes: live }));
      wrap(guest, 'write', (write) => async (...args) => {
        live[0]! += 1;
        await write(...args);
      });
    },
  },
  {
    name: 'a sweep before any grant',
    caughtBy: 'nothing comes before arm, and nothing without a grant or a fault',
    capture: (capture) =>
      wrap(capture, 'arm', (arm) => () => {
        arm();
        capture.grant(1, 0);
      }),
  },
  {
    name: 'pull(0) as pull(1)',
    caughtBy: 'pull(0) gives nothing and takes nothing',
    capture: (capture) => wrap(capture, 'pull', (pull) => (maxSlabs) => pull(Math.max(1, maxSlabs))),
  },
  {
    name: 'the sweep before faults',
    caughtBy: 'a fault comes before what was swept earlier',
    capture: (capture) => eachSlab(capture, (slab) => Object.assign(slab, { cause: 'sweep' })),
  },
  ...[0, Number.MAX_SAFE_INTEGER].map((heldSinceNs) => ({
    name: `slabs that are held since ${heldSinceNs}`,
    caughtBy: 'a slab tells since when it is held: after arm, and by the time that its writer goes on',
    capture: (capture: Capture) => eachSlab(capture, (slab) => Object.assign(slab, { heldSinceNs })),
  })),
  {
    name: 'a wait that faults do not end',
    caughtBy: 'a fault wakes whoever waits',
    capture: (capture) =>
      wrap(
        capture,
        'wait',
        (wait) => (options) => (options?.wakeOnFault === true ? new Promise(() => {}) : wait(options)),
      ),
  },
  {
    name: 'a wait that a signal does not end',
    caughtBy: 'a time, a signal or a close ends a wait',
    capture: (capture) =>
      wrap(
        capture,
        'wait',
        (wait) => (options) => (options?.signal === undefined ? wait(options) : new Promise(() => {})),
      ),
  },
  {
    name: 'a wait that close does not end',
    caughtBy: 'a time, a signal or a close ends a wait',
    capture: (capture) =>
      wrap(
        capture,
        'wait',
        (wait) => (options) => (options === undefined ? new Promise(() => {}) : wait(options)),
      ),
  },
  {
    name: 'waits that are not counted',
    caughtBy: 'the numbers add up',
    capture: (capture) =>
      wrap(capture, 'stats', (stats) => () => ({ ...stats(), faultWait: new Float64Array(1024) })),
  },
  {
    name: 'a grant of more than was granted',
    caughtBy: 'exactly the granted pages are swept',
    capture: (capture) => wrap(capture, 'grant', (grant) => (pages, atNs) => grant(pages * 2, atNs)),
  },
  {
    name: 'a grant on top of the one before',
    caughtBy: 'a grant replaces what was left of the one before',
    capture: (capture) => {
      let sum = 0;
      wrap(capture, 'grant', (grant) => (pages, atNs) => grant((sum += pages), atNs));
    },
  },
  {
    name: 'a grant of nothing that changes nothing',
    caughtBy: 'a grant of nothing stops the sweep',
    capture: (capture) =>
      wrap(capture, 'grant', (grant) => (pages, atNs) => grant(pages === 0 ? 1 : pages, atNs)),
  },
  {
    name: 'a grant that is used at once',
    caughtBy: 'nothing is swept before its time',
    capture: (capture) => wrap(capture, 'grant', (grant) => (pages) => grant(pages, 0)),
  },
  {
    name: 'a close that disarms nothing',
    caughtBy: 'inline: close frees a waiting writer',
    capture: (capture) => wrap(capture, 'close', () => async () => {}),
  },
  {
    name: 'a second close that fails',
    caughtBy: 'close twice is once',
    capture: (capture) => {
      let closes = 0;
      wrap(capture, 'close', (close) => async () => {
        if (closes++ > 0) throw new Error('closed');
        await close();
      });
    },
  },
  {
    name: 'a close that waits for slabs on loan',
    caughtBy: 'a slab on loan outlives close',
    capture: (capture, guest) =>
      wrap(capture, 'close', (close) => async () => {
        if ((guest.capture?.slabsOnLoan ?? 0) > 0) await new Promise(() => {});
        await close();
      }),
  },
  {
    name: 'a close that takes the bytes of slabs on loan',
    caughtBy: 'a slab on loan outlives close',
    capture: (capture) => {
      const lent: Slab[] = [];
      eachSlab(capture, (slab) => {
        lent.push(slab);
        return slab;
      });
      wrap(capture, 'close', (close) => async () => {
        for (const slab of lent) slab.bytes.fill(0);
        await close();
      });
    },
  },
  {
    name: 'a store that holds more than it may',
    caughtBy: 'stall: writers wait for room and lose nothing',
    capture: (capture) => wrap(capture, 'stats', (stats) => () => ({ ...stats(), preImageBytesMax: 1e9 })),
  },
  {
    name: 'a spill that is not told',
    caughtBy: 'spill: writers never wait for the sink',
    capture: (capture) => wrap(capture, 'stats', (stats) => () => ({ ...stats(), spilledBytesMax: 0 })),
  },
  {
    name: 'a failure that pull keeps to itself',
    caughtBy: 'abort: the capture fails and the writers go on',
    capture: (capture) =>
      wrap(capture, 'pull', (pull) => (maxSlabs) => (maxSlabs === 0 ? [] : pull(maxSlabs))),
  },
  {
    name: 'a writer let go when its page is pulled',
    caughtBy: 'inline: a writer waits for the release of its page',
    capture: (capture, guest, { preImagesMaxBytes }) => {
      if (preImagesMaxBytes > 0) return;
      eachSlab(capture, (slab) => {
        const bytes = slab.bytes.slice();
        slab.release();
        void guest;
        return { ...slab, bytes, release: () => {} };
      });
    },
  },
];

function spoiltGuest(defect: Partial<Defect>): ComplianceCase[] {
  return guestCompliance({
    makeGuest: async () => {
      const clock = simulatedClock({ autoAdvance: true });
      const guest = new SimulatedGuest({
        clock,
        regions: [{ pageCount: 64 }, { pageCount: 64, touchedPages: 40 }],
      });
      wrap(guest, 'open', (open) => async (options) => {
        const capture = await open(options);
        defect.capture?.(capture, guest, options);
        return capture;
      });
      defect.guest?.(guest);
      return {
        guest,
        clock,
        untouched: { region: 1, page: 50 },
        write: (region, page, bytes) => guest.write(region, page, bytes),
        read: (region, page) => guest.read(region, page),
        [Symbol.asyncDispose]: async () => {},
      };
    },
  });
}

describe('the compliance suite of guests catches', () => {
  it('nothing in a guest without a defect', async () => {
    expect(await caughtBy(spoiltGuest({}))).toEqual([]);
  });

  it.for(defects)('$name', async (defect) => {
    const cases = spoiltGuest(defect).filter(({ name }) => name === defect.caughtBy);
    expect(await caughtBy(cases)).toEqual([defect.caughtBy]);
  });
});
