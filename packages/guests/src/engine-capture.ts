import type { Capture } from '@stillframe/snapshot';
import type { CaptureEngine } from '@stillframe/uffd';

/** The native engine as the orchestrator sees it. `onClose` is called once. */
export function engineCapture(engine: CaptureEngine, onClose: () => void): Capture {
  let isOpen = true;
  return {
    get pageCount() {
      return engine.pageCount;
    },
    arm: () => engine.arm(),
    pull: (maxSlabs) => engine.pull(maxSlabs),
    wait: (options) => engine.wait(options),
    grant: (pages, notBeforeNs) => engine.grant(pages, notBeforeNs),
    stats: () => engine.stats(),
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      engine.close();
      onClose();
    },
  };
}
