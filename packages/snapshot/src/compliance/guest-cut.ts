/* oxlint-disable no-await-in-loop -- steps of a scenario */
import { check, checkBytes, checkEqual } from './case.ts';
import { ROOMY, type Setting } from './guest-under-test.ts';
import { Image, openAtCut, readAll } from './image.ts';

const OLD = new Uint8Array([1, 1, 1, 1]);
const NEW = new Uint8Array([2, 2, 2, 2]);

/** The image shows the memory at the cut, and nothing else. */
export const cutCases: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  'regions are numbered by position and made of whole pages': async ({ guest }) => {
    check(guest.regions.length >= 2, 'the guest has fewer than two regions');
    for (const [position, { id, pageSize, sizeBytes }] of guest.regions.entries()) {
      checkEqual(id, position, `the id of region ${position}`);
      check(
        pageSize >= 4096 && Number.isInteger(Math.log2(pageSize)),
        `a page of ${pageSize} bytes is not a page`,
      );
      checkEqual(sizeBytes % pageSize, 0, `the bytes of region ${id} beyond its last page`);
    }
    const capture = await guest.open(ROOMY);
    const pages = guest.regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0);
    checkEqual(capture.pageCount, pages, 'pageCount');
    await capture.close();
  },

  'an idle guest is shown as it is, each page once': async (setting) => {
    const before = await readAll(setting);
    const capture = await openAtCut(setting.guest, ROOMY);
    const image = new Image(setting.guest);
    await image.complete(capture, setting.clock.nowNs());
    image.checkShows(before);
    await capture.close();
  },

  'writes between open and arm are shown': async (setting) => {
    const { guest, write, clock } = setting;
    const capture = await guest.open(ROOMY);
    await write(0, 3, NEW);
    await guest.pause();
    const before = await readAll(setting);
    capture.arm();
    await guest.resume();
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    image.checkShows(before);
    checkBytes(
      image.regions[0]!.subarray(3 * guest.regions[0]!.pageSize).subarray(0, 4),
      NEW,
      'page 3 of the image',
    );
    await capture.close();
  },

  'writes after arm are done and not shown': async (setting) => {
    const { guest, write, read, clock } = setting;
    await write(0, 5, OLD);
    await write(1, 7, OLD);
    const before = await readAll(setting);
    const capture = await openAtCut(guest, ROOMY);
    await Promise.all([write(0, 5, NEW), write(1, 7, NEW)]);
    checkBytes((await read(0, 5)).subarray(0, 4), NEW, 'page 5 of the guest');
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    image.checkShows(before);
    check(
      image.faultPages >= 2,
      `two pages were written to, but ${image.faultPages} came because of a fault`,
    );
    await capture.close();
  },

  'many writes to the same pages while they are swept are not shown': async (setting) => {
    const { guest, write, clock } = setting;
    const before = await readAll(setting);
    const capture = await openAtCut(guest, ROOMY);
    const writing = Promise.all(
      [0, 1, 2, 3].map(async (writer) => {
        for (let page = 0; page < 32; page++)
          await write(writer % 2, page, new Uint8Array([writer, page, 9]));
      }),
    );
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    await writing;
    image.checkShows(before);
    await capture.close();
  },

  'a writer that starts during the pause writes after the cut': async (setting) => {
    const { guest, write, read, clock } = setting;
    await write(0, 9, OLD);
    const capture = await guest.open(ROOMY);
    await guest.pause();
    const writing = write(0, 9, NEW);
    capture.arm();
    await guest.resume();
    await writing;
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    const { pageSize } = guest.regions[0]!;
    checkBytes(image.regions[0]!.subarray(9 * pageSize, 9 * pageSize + 4), OLD, 'page 9 of the image');
    checkBytes((await read(0, 9)).subarray(0, 4), NEW, 'page 9 of the guest');
    await capture.close();
  },

  'pausing and resuming twice is once': async ({ guest, write, read }) => {
    await guest.resume();
    await guest.pause();
    await guest.pause();
    await guest.resume();
    await guest.resume();
    await write(0, 0, NEW);
    checkBytes((await read(0, 0)).subarray(0, 4), NEW, 'page 0 of the guest');
  },

  'the state has a kind and is a copy': async ({ guest, write }) => {
    await guest.pause();
    const { kind, bytes } = await guest.saveState();
    await guest.resume();
    check(kind.length > 0, 'the kind of the state is empty');
    const copy = bytes.slice();
    for (let page = 0; page < 8; page++) await write(0, page, NEW);
    checkBytes(bytes, copy, 'the state after more writes');
  },

  'memory that nobody ever touched comes as zero runs': async (setting) => {
    const { guest, untouched, clock } = setting;
    check(untouched !== undefined, 'the guest has no untouched page');
    const capture = await openAtCut(guest, ROOMY);
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    const isZero = image.zeroPages.some(
      ({ region, page }) => region === untouched.region && page === untouched.page,
    );
    check(isZero, `page ${untouched.page} of region ${untouched.region} came with bytes`);
    await capture.close();
  },

  'the first write ever to a page is not shown': async (setting) => {
    const { guest, untouched, write, read, clock } = setting;
    check(untouched !== undefined, 'the guest has no untouched page');
    const { region, page } = untouched;
    const capture = await openAtCut(guest, ROOMY);
    await write(region, page, NEW);
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    const { pageSize } = guest.regions[region]!;
    const shown = image.regions[region]!.subarray(page * pageSize, (page + 1) * pageSize);
    checkBytes(shown, new Uint8Array(pageSize), 'the page in the image');
    checkBytes((await read(region, page)).subarray(0, 4), NEW, 'the page in the guest');
    await capture.close();
  },
};
