/* oxlint-disable no-await-in-loop -- steps of a scenario */
import type { Capture } from '../guest.ts';
import { check, checkEqual } from './case.ts';
import { ROOMY, type Setting } from './guest-under-test.ts';
import { Image, openAtCut } from './image.ts';

/** Long enough that a sweep which ignores its grant shows; nothing depends on how long it really takes. */
const A_WHILE_NS = 20_000_000;

async function drainUntil(image: Image, capture: Capture, pages: number): Promise<void> {
  while (image.pages < pages) {
    if (image.drain(capture) === 0) await capture.wait();
  }
}

async function checkSweepRests(image: Image, capture: Capture, nowNs: number, pages: number): Promise<void> {
  await capture.wait({ untilNs: nowNs + A_WHILE_NS });
  image.drain(capture);
  checkEqual(image.pages, pages, 'pages after the grant was used up');
  checkEqual(capture.stats().sweptPages, pages, 'sweptPages after the grant was used up');
}

/** The sweep does what it was granted and no more. */
export const grantCases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  'exactly the granted pages are swept': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    const image = new Image(guest);
    let granted = 0;
    for (const pages of [1, 5, 2]) {
      capture.grant(pages, clock.nowNs());
      granted += pages;
      await drainUntil(image, capture, granted);
      await checkSweepRests(image, capture, clock.nowNs(), granted);
    }
    await capture.close();
  },

  'a grant replaces what was left of the one before': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    const image = new Image(guest);
    capture.grant(capture.pageCount, clock.nowNs() + 3_600_000_000_000);
    capture.grant(3, clock.nowNs());
    await drainUntil(image, capture, 3);
    await checkSweepRests(image, capture, clock.nowNs(), 3);
    await capture.close();
  },

  'a grant of nothing stops the sweep': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    const image = new Image(guest);
    capture.grant(2, clock.nowNs());
    await drainUntil(image, capture, 2);
    capture.grant(0, clock.nowNs());
    await checkSweepRests(image, capture, clock.nowNs(), 2);
    await capture.close();
  },

  'nothing is swept before its time': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, ROOMY);
    const notBeforeNs = clock.nowNs() + A_WHILE_NS;
    capture.grant(4, notBeforeNs);
    const image = new Image(guest);
    while (image.pages < 4) {
      const { sweptPages } = capture.stats();
      // Read the pages first: time that passes in between only makes the check weaker.
      check(
        sweptPages === 0 || clock.nowNs() >= notBeforeNs,
        `${sweptPages} pages were swept before notBeforeNs`,
      );
      if (image.drain(capture) === 0) await capture.wait();
    }
    check(clock.nowNs() >= notBeforeNs, 'the grant was used before notBeforeNs');
    await capture.close();
  },

  'faults need no grant': async ({ guest, write }) => {
    const capture = await openAtCut(guest, ROOMY);
    await write(0, 6, new Uint8Array([7]));
    const image = new Image(guest);
    while (image.faultPages === 0) {
      if (image.drain(capture) === 0) await capture.wait();
    }
    checkEqual(capture.stats().sweptPages, 0, 'sweptPages');
    await capture.close();
  },
};
