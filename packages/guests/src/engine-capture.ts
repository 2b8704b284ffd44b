import type { Capture } from '@stillframe/snapshot';
import type { CaptureEngine } from '@stillframe/uffd';

/** The native engine as the orchestrator sees it. `onClose` is called once. */
export function engineCapture(engine: CaptureEngine, onClose: () => void): Capture {
  let isOpen = true;
  let toldOfFailure = false;
  return {
    get pageCount() {
      return engine.pageCount;
    },
    arm: () => engine.arm(),
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
      engine.close();
      onClose();
      if (engine.failure !== undefined && !toldOfFailure) throw engine.failure;
    },
  };
}
