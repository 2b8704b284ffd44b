import type { Capture, UnchangedPages } from '@stillframe/snapshot';
import type { CaptureEngine, DirtyRun } from '@stillframe/uffd';

/** The native engine as the orchestrator sees it. `onClose` is called once, with the capture's mark if changes go on being noted. */
export function engineCapture(
  engine: CaptureEngine,
  onClose: (capture: Capture, watchedMark: object | undefined) => void,
): Capture {
  let isOpen = true;
  let isArmed = false;
  const mark = engine.notesChanges ? {} : undefined;
  let unchanged: readonly UnchangedPages[] | undefined;
  let toldOfFailure = false;
  const capture: Capture = {
    get pageCount() {
      return engine.pageCount;
    },
    get mark() {
      return isArmed ? mark : undefined;
    },
    get unchanged() {
      return unchanged;
    },
    arm: () => {
      engine.arm();
      isArmed = true;
      if (engine.unchanged !== undefined) unchanged = byRegion(engine.unchanged);
    },
    pull: (maxSlabs) => {
      try {
        return engine.pull(maxSlabs);
      } catch (error) {
        toldOfFailure = true;
        throw error;
      }
    },
    wait: (options) => engine.wait(options),
    grant: (pages, notBeforeNs) => engine.grant(pages, notBeforeNs),
    stats: () => engine.stats(),
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      const goesOn = isArmed && engine.notesChanges && engine.watch();
      if (!goesOn) engine.close();
      onClose(capture, goesOn ? mark : undefined);
      if (engine.failure !== undefined && !toldOfFailure) throw engine.failure;
    },
  };
  return capture;
}

function byRegion(runs: readonly DirtyRun[]): UnchangedPages[] {
  const spans = new Map<number, { firstPage: number; pageCount: number }[]>();
  for (const { region, firstPage, pageCount } of runs) {
    const of = spans.get(region);
    if (of === undefined) spans.set(region, [{ firstPage, pageCount }]);
    else of.push({ firstPage, pageCount });
  }
  return [...spans].map(([region, of]) => ({ region, spans: of }));
}
