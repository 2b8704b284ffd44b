import type { Capture, CaptureOptions, CutMark, Guest } from '../guest.ts';
import { check, checkEqual } from './case.ts';
import { ROOMY, type Setting } from './guest-under-test.ts';
import { Image, openAtCut, readAll } from './image.ts';

const NOTING: CaptureOptions = { ...ROOMY, notesChanges: true };

/** Takes a whole image, with `between` done while its capture is open. */
async function imageOf(
  { guest, clock }: Pick<Setting, 'guest' | 'clock'>,
  options: CaptureOptions,
  between: () => Promise<void> = async () => {},
): Promise<{ image: Image; mark: CutMark | undefined; unchanged: Capture['unchanged']; pageCount: number }> {
  const capture = await openAtCut(guest, options);
  try {
    const image = new Image(guest);
    await between();
    await image.complete(capture, clock.nowNs());
    return { image, mark: capture.mark, unchanged: capture.unchanged, pageCount: capture.pageCount };
  } finally {
    await capture.close();
  }
}

function markOf(mark: CutMark | undefined): CutMark {
  if (mark === undefined) throw new Error('a capture that notes changes has no mark');
  return mark;
}

/** Puts the pages that were left out into `image` from the one before. */
function inherit(guest: Guest, image: Image, unchanged: Capture['unchanged'], before: Image): void {
  for (const { region, spans } of unchanged ?? []) {
    const { pageSize } = guest.regions[region]!;
    for (const { firstPage, pageCount } of spans) {
      const [start, end] = [firstPage * pageSize, (firstPage + pageCount) * pageSize];
      image.regions[region]!.set(before.regions[region]!.subarray(start, end), start);
      image.pages += pageCount;
    }
  }
}

function pagesOf(guest: Guest): number {
  return guest.regions.reduce((sum, { sizeBytes, pageSize }) => sum + sizeBytes / pageSize, 0);
}

/** Whether the page is left out. */
function isLeftOut(unchanged: Capture['unchanged'], region: number, page: number): boolean {
  return (unchanged ?? []).some(
    (each) =>
      each.region === region &&
      each.spans.some(({ firstPage, pageCount }) => page >= firstPage && page < firstPage + pageCount),
  );
}

/** Pages that change after the cut: while they are armed, after their capture, and after the end of the capture. */
export const changeCases = {
  'changes: pages that did not change are left out, all others come': async (setting: Setting) => {
    const { guest, write } = setting;
    const first = await imageOf(setting, NOTING, async () => {
      await write(0, 1, new Uint8Array([1, 2, 3]));
    });
    await write(1, 2, new Uint8Array([4, 5, 6]));
    const expected = await readAll(setting);
    const second = await imageOf(setting, { ...NOTING, changedSince: markOf(first.mark) });
    check(second.unchanged !== undefined, 'the guest cannot tell what changed since the cut before');
    check(!isLeftOut(second.unchanged, 0, 1), 'a page that was written while it was armed is left out');
    check(!isLeftOut(second.unchanged, 1, 2), 'a page that was written after the capture is left out');
    checkEqual(second.image.pages, second.pageCount, 'the pages that came');
    check(second.pageCount < pagesOf(guest), 'no page is left out');
    inherit(guest, second.image, second.unchanged, first.image);
    checkEqual(second.image.pages, pagesOf(guest), 'the pages that came or were left out');
    second.image.checkShows(expected);
  },

  'changes: a page that is written after its capture, in the same capture, has changed': async (
    setting: Setting,
  ) => {
    const { guest, clock, write } = setting;
    const capture = await openAtCut(guest, NOTING);
    const image = new Image(guest);
    await image.complete(capture, clock.nowNs());
    await write(0, 3, new Uint8Array([7]));
    const mark = markOf(capture.mark);
    await capture.close();
    const { unchanged } = await imageOf(setting, { ...NOTING, changedSince: mark });
    check(unchanged !== undefined, 'the guest cannot tell what changed');
    check(!isLeftOut(unchanged, 0, 3), 'the page is left out');
  },

  'changes: the cut of each image begins anew': async (setting: Setting) => {
    const { write } = setting;
    const first = await imageOf(setting, NOTING);
    await write(0, 5, new Uint8Array([1]));
    const second = await imageOf(setting, { ...NOTING, changedSince: markOf(first.mark) });
    const third = await imageOf(setting, { ...NOTING, changedSince: markOf(second.mark) });
    check(isLeftOut(third.unchanged, 0, 5), 'a page that changed before the last cut is not left out');
  },

  'changes: of a cut before the last, nothing is left out': async (setting: Setting) => {
    const { guest } = setting;
    const first = await imageOf(setting, NOTING);
    await imageOf(setting, NOTING);
    const third = await imageOf(setting, { ...NOTING, changedSince: markOf(first.mark) });
    check(third.unchanged === undefined, 'pages are left out');
    checkEqual(third.image.pages, pagesOf(guest), 'the pages that came');
  },

  'changes: a capture that does not note them has no mark, and ends what was noted before': async (
    setting: Setting,
  ) => {
    const { guest } = setting;
    const first = await imageOf(setting, NOTING);
    const second = await imageOf(setting, ROOMY);
    check(second.mark === undefined, 'there is a mark');
    check(second.unchanged === undefined, 'pages are left out');
    const third = await imageOf(setting, { ...ROOMY, changedSince: markOf(first.mark) });
    checkEqual(third.image.pages, pagesOf(guest), 'the pages that came');
  },
};
