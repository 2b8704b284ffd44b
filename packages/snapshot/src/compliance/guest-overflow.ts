import type { CaptureOptions } from '../guest.ts';
import { check, checkRejects } from './case.ts';
import type { Setting } from './guest-under-test.ts';
import { Image, openAtCut, readAll } from './image.ts';

const NEW = new Uint8Array([2, 2, 2, 2]);

/** Writes to twice as many pages as the store holds, all at the same time: each that waits is a thread of its own in a real guest. */
function writeTwiceTheStore({ guest, write, smallStoreBytes }: Setting): Promise<unknown> {
  let leftBytes = 2 * smallStoreBytes;
  const writing: Promise<void>[] = [];
  for (const { id, sizeBytes, pageSize } of guest.regions) {
    for (let page = 0; page < sizeBytes / pageSize && leftBytes > 0; page++, leftBytes -= pageSize) {
      writing.push(write(id, page, NEW));
    }
  }
  check(leftBytes <= 0, 'the guest is too small for smallStoreBytes');
  return Promise.all(writing);
}

function smallStore({ smallStoreBytes }: Setting, overflow: CaptureOptions['overflow']): CaptureOptions {
  return { preImagesMaxBytes: smallStoreBytes, overflow };
}

/** More is written than the store can hold. */
export const overflowCases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  'stall: writers wait for room and lose nothing': async (setting) => {
    const before = await readAll(setting);
    const capture = await openAtCut(setting.guest, smallStore(setting, 'stall'));
    const writing = writeTwiceTheStore(setting);
    const image = new Image(setting.guest);
    await image.complete(capture, setting.clock.nowNs());
    await writing;
    image.checkShows(before);
    const { preImageBytesMax, spilledBytesMax } = capture.stats();
    check(preImageBytesMax <= setting.smallStoreBytes, `${preImageBytesMax} bytes were held`);
    check(spilledBytesMax === 0, `${spilledBytesMax} bytes were spilled`);
    await capture.close();
  },

  'stall: close frees the writers that wait for room': async (setting) => {
    const capture = await openAtCut(setting.guest, smallStore(setting, 'stall'));
    const writing = writeTwiceTheStore(setting);
    await capture.wait({ wakeOnFault: true });
    await capture.close();
    await writing;
  },

  'abort: the capture fails and the writers go on': async (setting) => {
    const capture = await openAtCut(setting.guest, smallStore(setting, 'abort'));
    // Nothing is drained, so the writers can only be done because the failure freed them.
    await writeTwiceTheStore(setting);
    await checkRejects(() => capture.pull(0), 'pull of a capture whose store is full');
    await capture.close();
  },

  'spill: writers never wait for the sink': async (setting) => {
    const before = await readAll(setting);
    const capture = await openAtCut(setting.guest, smallStore(setting, 'spill'));
    await writeTwiceTheStore(setting);
    const image = new Image(setting.guest);
    await image.complete(capture, setting.clock.nowNs());
    image.checkShows(before);
    check(capture.stats().spilledBytesMax > 0, 'nothing was spilled');
    await capture.close();
  },
};
