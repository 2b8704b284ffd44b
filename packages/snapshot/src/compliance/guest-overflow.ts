import type { CaptureOptions } from '../guest.ts';
import { check, checkRejects } from './case.ts';
import type { Setting } from './guest-under-test.ts';
import { Image, openAtCut, readAll } from './image.ts';

const NEW = new Uint8Array([2, 2, 2, 2]);

/** One write to each page of the guest, all at the same time. */
function writeEverywhere({ guest, write }: Setting): Promise<unknown> {
  return Promise.all(
    guest.regions.flatMap(({ id, sizeBytes, pageSize }) =>
      Array.from({ length: sizeBytes / pageSize }, (_, page) => write(id, page, NEW)),
    ),
  );
}

function smallStore({ smallStoreBytes }: Setting, overflow: CaptureOptions['overflow']): CaptureOptions {
  return { preImagesMaxBytes: smallStoreBytes, overflow };
}

/** More is written than the store can hold. */
export const overflowCases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  'stall: writers wait for room and lose nothing': async (setting) => {
    const before = await readAll(setting);
    const capture = await openAtCut(setting.guest, smallStore(setting, 'stall'));
    const writing = writeEverywhere(setting);
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
    const writing = writeEverywhere(setting);
    await capture.wait({ wakeOnFault: true });
    await capture.close();
    await writing;
  },

  'abort: the capture fails and the writers go on': async (setting) => {
    const capture = await openAtCut(setting.guest, smallStore(setting, 'abort'));
    // Nothing is drained, so the writers can only be done because the failure freed them.
    await writeEverywhere(setting);
    await checkRejects(() => capture.pull(0), 'pull of a capture whose store is full');
    await capture.close();
  },

  'spill: writers never wait for the sink': async (setting) => {
    const before = await readAll(setting);
    const capture = await openAtCut(setting.guest, smallStore(setting, 'spill'));
    await writeEverywhere(setting);
    const image = new Image(setting.guest);
    await image.complete(capture, setting.clock.nowNs());
    image.checkShows(before);
    check(capture.stats().spilledBytesMax > 0, 'nothing was spilled');
    await capture.close();
  },
};
