import { check, checkBytes } from './case.ts';
import { ROOMY, type Setting } from './guest-under-test.ts';
import { Image, openAtCut, readAll } from './image.ts';

const NEW = new Uint8Array([2, 2, 2, 2]);

async function checkWritable({ guest, write, read }: Setting): Promise<void> {
  await Promise.all(guest.regions.map(({ id }) => write(id, 0, NEW)));
  for (const { id } of guest.regions) {
    // oxlint-disable-next-line no-await-in-loop -- two regions or three
    checkBytes((await read(id, 0)).subarray(0, 4), NEW, `page 0 of region ${id}`);
  }
}

/** A capture can end at any moment, and the guest does not notice (I-4). */
export const lifecycleCases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  'close before arm': async (setting) => {
    const capture = await setting.guest.open(ROOMY);
    await capture.close();
    await checkWritable(setting);
  },

  'close while the guest is paused': async (setting) => {
    const capture = await setting.guest.open(ROOMY);
    await setting.guest.pause();
    capture.arm();
    await capture.close();
    await setting.guest.resume();
    await checkWritable(setting);
  },

  'close right after arm': async (setting) => {
    const capture = await openAtCut(setting.guest, ROOMY);
    await capture.close();
    await checkWritable(setting);
  },

  'close in the middle of the sweep': async (setting) => {
    const capture = await openAtCut(setting.guest, ROOMY);
    capture.grant(capture.pageCount, setting.clock.nowNs());
    await capture.wait();
    await capture.close();
    await checkWritable(setting);
  },

  'close with faults that nobody pulled': async (setting) => {
    const capture = await openAtCut(setting.guest, ROOMY);
    await setting.write(0, 3, NEW);
    await capture.close();
    await checkWritable(setting);
  },

  'close twice is once': async (setting) => {
    const capture = await openAtCut(setting.guest, ROOMY);
    await Promise.all([capture.close(), capture.close()]);
    await capture.close();
    await checkWritable(setting);
  },

  'a slab on loan outlives close': async (setting) => {
    const { guest, read, write } = setting;
    const before = await read(0, 3);
    const capture = await openAtCut(guest, ROOMY);
    await write(0, 3, NEW);
    await capture.wait();
    const slabs = capture.pull(1);
    const [slab] = slabs;
    check(slab !== undefined, 'the fault did not come');
    await capture.close();
    await checkWritable(setting);
    checkBytes(slab.bytes, before, 'the slab after close');
    for (const loan of slabs) loan.release();
  },

  'a second capture shows what was written since the first': async (setting) => {
    const { guest, clock, write } = setting;
    const first = await openAtCut(guest, ROOMY);
    const image = new Image(guest);
    await image.complete(first, clock.nowNs());
    await first.close();
    await write(1, 1, NEW);
    const before = await readAll(setting);
    const second = await openAtCut(guest, ROOMY);
    const newer = new Image(guest);
    await newer.complete(second, clock.nowNs());
    newer.checkShows(before);
    await second.close();
  },

  'a second capture after a cancelled one shows everything': async (setting) => {
    const { guest, clock, write } = setting;
    const first = await openAtCut(guest, ROOMY);
    first.grant(4, clock.nowNs());
    await first.wait();
    await write(0, 20, NEW);
    await first.close();
    const before = await readAll(setting);
    const second = await openAtCut(guest, ROOMY);
    const image = new Image(guest);
    await image.complete(second, clock.nowNs());
    image.checkShows(before);
    await second.close();
  },
};
