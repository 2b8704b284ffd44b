/* oxlint-disable no-await-in-loop -- steps of a scenario */
import type { Capture, Slab } from '../guest.ts';
import { check, checkBytes, checkEqual } from './case.ts';
import { INLINE, type Setting } from './guest-under-test.ts';
import { Image, openAtCut } from './image.ts';

const OLD = new Uint8Array([1, 1, 1, 1]);
const NEW = new Uint8Array([2, 2, 2, 2]);

async function pullOne(capture: Capture): Promise<Slab> {
  for (;;) {
    const [slab] = capture.pull(1);
    if (slab !== undefined) return slab;
    await capture.wait();
  }
}

/** Without a store a writer waits until the sink has its page: the seed's way. */
export const inlineCases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  'inline: a writer waits for the release of its page': async ({ guest, write, read }) => {
    await write(0, 4, OLD);
    const capture = await openAtCut(guest, INLINE);
    let isWritten = false;
    const writing = write(0, 4, NEW).then(() => {
      isWritten = true;
      return undefined;
    });
    const slab = await pullOne(capture);
    checkEqual(slab.cause, 'fault', 'the cause of the slab');
    checkBytes(slab.bytes.subarray(0, 4), OLD, 'the page in the slab');
    checkBytes((await read(0, 4)).subarray(0, 4), OLD, 'the page in the guest before the release');
    check(!isWritten, 'the writer went on before its page was released');
    slab.release();
    await writing;
    checkBytes((await read(0, 4)).subarray(0, 4), NEW, 'the page in the guest after the release');
    await capture.close();
  },

  'inline: each slab has one page': async ({ guest, clock }) => {
    const capture = await openAtCut(guest, INLINE);
    const image = new Image(guest);
    while (image.pages < capture.pageCount) {
      const before = image.pages;
      capture.grant(1, clock.nowNs());
      image.take(await pullOne(capture));
      checkEqual(image.pages, before + 1, 'pages after one more slab');
    }
    const pageSize = Math.max(...guest.regions.map((region) => region.pageSize));
    check(capture.stats().preImageBytesMax <= pageSize, 'more than one page was held at a time');
    await capture.close();
  },

  'inline: close frees a waiting writer': async ({ guest, write }) => {
    const capture = await openAtCut(guest, INLINE);
    const waiting = capture.wait({ wakeOnFault: true });
    const writing = write(0, 4, NEW);
    await waiting;
    await capture.close();
    await writing;
  },

  'inline: close frees a writer whose page is on loan': async ({ guest, write }) => {
    const capture = await openAtCut(guest, INLINE);
    const writing = write(0, 4, NEW);
    const slab = await pullOne(capture);
    await capture.close();
    await writing;
    slab.release();
  },
};
