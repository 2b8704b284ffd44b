import { check, checkEqual } from './case.ts';
import { ROOMY, type Setting } from './guest-under-test.ts';
import { Image, openAtCut } from './image.ts';

const NEW = new Uint8Array([2, 2, 2, 2]);

/** What comes out, in which order, and what wakes whoever waits for it. */
export const pullCases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  'nothing comes before arm, and nothing without a grant or a fault': async ({ guest }) => {
    const capture = await guest.open(ROOMY);
    checkEqual(capture.pull(8).length, 0, 'slabs before arm');
    await guest.pause();
    capture.arm();
    await guest.resume();
    checkEqual(capture.pull(8).length, 0, 'slabs without a grant');
    await capture.close();
  },

  'pull(0) gives nothing and takes nothing': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    capture.grant(capture.pageCount, clock.nowNs());
    await capture.wait();
    checkEqual(capture.pull(0).length, 0, 'slabs of pull(0)');
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    await capture.close();
  },

  'one slab at a time gives everything': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    const image = new Image(guest);
    capture.grant(capture.pageCount, clock.nowNs());
    while (image.pages < capture.pageCount) {
      const slabs = capture.pull(1);
      for (const slab of slabs) image.take(slab);
      // oxlint-disable-next-line no-await-in-loop -- the next slab may not be filled yet
      if (slabs.length === 0) await capture.wait();
    }
    await capture.close();
  },

  'a fault comes before what was swept earlier': async ({ guest, clock, write }) => {
    const capture = await openAtCut(guest, ROOMY);
    capture.grant(4, clock.nowNs());
    await capture.wait();
    const last = guest.regions.at(-1)!;
    await write(last.id, last.sizeBytes / last.pageSize - 1, NEW);
    const image = new Image(guest);
    const slabs = capture.pull(1);
    checkEqual(slabs[0]?.cause, 'fault', 'the cause of the first slab');
    for (const slab of slabs) image.take(slab);
    await image.complete(capture, clock.nowNs());
    await capture.close();
  },

  'a fault wakes whoever waits': async ({ guest, clock, write }) => {
    const capture = await openAtCut(guest, ROOMY);
    const waiting = capture.wait({ wakeOnFault: true });
    await Promise.all([waiting, write(0, 1, NEW)]);
    check(capture.stats().faults >= 1, 'no fault was counted');
    check(capture.stats().lastFaultReadNs <= clock.nowNs(), 'lastFaultReadNs is in the future');
    check(capture.stats().lastFaultReadNs > 0, 'lastFaultReadNs was not set');
    await capture.close();
  },

  'a time, a signal or a close ends a wait': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    await capture.wait({ untilNs: clock.nowNs() });
    await capture.wait({ untilNs: clock.nowNs() + 1_000_000 });
    await capture.wait({ signal: AbortSignal.abort() });
    const controller = new AbortController();
    const signalled = capture.wait({ signal: controller.signal });
    controller.abort();
    await signalled;
    const closed = capture.wait();
    await capture.close();
    await closed;
  },

  'a wait ends when all pages are captured': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    await new Image(guest).complete(capture, clock.nowNs());
    await capture.wait();
    await capture.close();
  },

  'a slab tells since when it is held: after arm, and by the time that its writer goes on': async (
    setting,
  ) => {
    const { guest, clock, write } = setting;
    const capture = await guest.open(ROOMY);
    await guest.pause();
    const armedNs = clock.nowNs();
    capture.arm();
    await guest.resume();
    await write(0, 2, NEW);
    const writtenNs = clock.nowNs();
    capture.grant(capture.pageCount, writtenNs);
    const image = new Image(guest);
    while (image.pages < capture.pageCount) {
      for (const slab of capture.pull(1)) {
        const { heldSinceNs, cause } = slab;
        const pulledNs = clock.nowNs();
        const latestNs = cause === 'fault' ? writtenNs : pulledNs;
        check(heldSinceNs >= armedNs, `a slab is held since ${armedNs - heldSinceNs} ns before arm`);
        check(heldSinceNs <= latestNs, `a ${cause} is held since ${heldSinceNs - latestNs} ns too late`);
        image.take(slab);
      }
      // oxlint-disable-next-line no-await-in-loop -- the next slab may not be filled yet
      if (image.pages < capture.pageCount) await capture.wait();
    }
    checkEqual(image.faultPages, 1, 'pages that came because of a fault');
    await capture.close();
  },

  'the numbers add up': async ({ guest, clock, write }) => {
    const capture = await openAtCut(guest, ROOMY);
    await write(0, 2, NEW);
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    const stats = capture.stats();
    checkEqual(stats.pages, capture.pageCount, 'pages');
    checkEqual(stats.capturedPages, capture.pageCount, 'capturedPages');
    checkEqual(stats.faultPages + stats.sweptPages, capture.pageCount, 'faultPages + sweptPages');
    checkEqual(stats.faultPages, image.faultPages, 'faultPages');
    checkEqual(stats.preImageBytes, 0, 'preImageBytes after everything was released');
    check(stats.preImageBytesMax <= ROOMY.preImagesMaxBytes, 'more was held than preImagesMaxBytes');
    let waits = 0;
    for (const count of stats.faultWait) waits += count;
    check(waits >= 1, 'no wait was counted');
    await capture.close();
  },
};
