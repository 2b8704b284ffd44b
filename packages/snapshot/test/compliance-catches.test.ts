import { describe, expect, it } from 'vitest';
import { type ComplianceCase, guestCompliance, sinkCompliance } from '../src/compliance/index.ts';
import type { Capture, CaptureOptions, Slab } from '../src/index.ts';
import { memorySink, type Sink } from '../src/index.ts';
import { SimulatedGuest, simulatedClock } from '../src/simulated/index.ts';

/** Everything in a simulation is done, or hangs for ever, after far fewer turns of the event loop. */
const TURNS = 400;

async function turnsOfTheLoop(): Promise<'hangs'> {
  for (let turn = 0; turn < TURNS; turn++) {
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return 'hangs';
}

async function outcomeOf({ run }: ComplianceCase): Promise<'passes' | 'fails'> {
  try {
    await run();
    return 'passes';
  } catch {
    return 'fails';
  }
}

/** The cases that a defect does not get past: those that fail, or that a runner would end for want of time. */
async function caughtBy(cases: readonly ComplianceCase[]): Promise<string[]> {
  const caught: string[] = [];
  for (const complianceCase of cases) {
    // oxlint-disable-next-line no-await-in-loop -- one case after the other
    if ((await Promise.race([outcomeOf(complianceCase), turnsOfTheLoop()])) !== 'passes')
      caught.push(complianceCase.name);
  }
  return caught;
}

interface Defect {
  readonly name: string;
  readonly caughtBy: string;
  /** Spoils a guest. */
  readonly guest?: (guest: SimulatedGuest) => void;
  /** Spoils each of its captures. */
  readonly capture?: (capture: Capture, guest: SimulatedGuest, options: CaptureOptions) => void;
}

/** Replaces a method by one that is given the old one. */
function wrap<T extends object, K extends keyof T>(of: T, name: K, wrapper: (old: T[K]) => T[K]): void {
  const old = of[name];
  const bound: T[K] = typeof old === 'function' ? old.bind(of) : old;
  Object.defineProperty(of, name, { value: wrapper(bound), configurable: true, writable: true });
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

interface SinkDefect {
  readonly name: string;
  readonly caughtBy: string;
  readonly spoil: (sink: Sink & { image(): Uint8Array | undefined }) => void;
}

const sinkDefects: readonly SinkDefect[] = [
  {
    name: 'buffers in another order',
    caughtBy: 'all bytes come, in order',
    spoil: (sink) => wrap(sink, 'write', (write) => (iovecs) => write(iovecs.toReversed())),
  },
  {
    name: 'only what one writev takes',
    caughtBy: 'more buffers than one system call takes',
    spoil: (sink) => wrap(sink, 'write', (write) => (iovecs) => write(iovecs.slice(0, 1024))),
  },
  {
    name: 'short writes',
    caughtBy: 'more bytes than one system call takes',
    spoil: (sink) =>
      wrap(sink, 'write', (write) => (iovecs) => write(iovecs.map((iovec) => iovec.subarray(0, 2 ** 23)))),
  },
  {
    name: 'whole buffers instead of views',
    caughtBy: 'views at odd offsets',
    spoil: (sink) =>
      wrap(sink, 'write', (write) => (iovecs) => write(iovecs.map(({ buffer }) => new Uint8Array(buffer)))),
  },
  {
    name: 'buffers that are read after the write',
    caughtBy: 'buffers may be reused once write has resolved',
    spoil: (sink) => {
      const late: Uint8Array[] = [];
      wrap(sink, 'write', (write) => async (iovecs) => {
        await write([]);
        late.push(...iovecs);
      });
      const early = memorySink({ maxBytes: 2 ** 26 });
      wrap(sink, 'end', (end) => async () => {
        await end();
        await early.write(late);
        await early.end();
      });
      wrap(sink, 'image', (image) => () => (image() === undefined ? undefined : early.image()));
    },
  },
  {
    name: 'an image before the end',
    caughtBy: 'nothing is complete before end',
    spoil: (sink) => wrap(sink, 'image', (image) => () => image() ?? new Uint8Array(0)),
  },
  {
    name: 'an image in spite of an abort',
    caughtBy: 'abort leaves nothing',
    spoil: (sink) => wrap(sink, 'abort', () => () => sink.end()),
  },
  {
    name: 'an abort that takes a complete image away',
    caughtBy: 'abort after end does nothing',
    spoil: (sink) => {
      let isAborted = false;
      wrap(sink, 'abort', () => async () => {
        isAborted = true;
      });
      wrap(sink, 'image', (image) => () => (isAborted ? undefined : image()));
    },
  },
  {
    name: 'an abort that works once',
    caughtBy: 'abort twice is once',
    spoil: (sink) => {
      let aborts = 0;
      wrap(sink, 'abort', (abort) => async (reason) => {
        if (aborts++ > 0) throw new Error('aborted');
        await abort(reason);
      });
    },
  },
  {
    name: 'a write that an abort leaves hanging',
    caughtBy: 'abort settles a write that is going on',
    spoil: (sink) => wrap(sink, 'write', () => () => new Promise(() => {})),
  },
  {
    name: 'writes after an abort',
    caughtBy: 'write and end after abort fail',
    spoil: (sink) => wrap(sink, 'write', () => async () => {}),
  },
];

function spoiltSink(spoil: SinkDefect['spoil']): ComplianceCase[] {
  return sinkCompliance({
    makeSink: async () => {
      const sink = memorySink({ maxBytes: 2 ** 25 });
      spoil(sink);
      return { sink, image: async () => sink.image(), [Symbol.asyncDispose]: async () => {} };
    },
  });
}

describe('the compliance suite of sinks catches', () => {
  it.for(sinkDefects)('$name', async ({ caughtBy: expected, spoil }) => {
    expect(await caughtBy(spoiltSink(spoil).filter(({ name }) => name === expected))).toEqual([expected]);
  });
});
