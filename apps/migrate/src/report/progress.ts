import { SingleBar } from 'cli-progress';
import type { CliContext } from '../cli.ts';
import { showBytes, showUs } from './units.ts';

/** One look at long work, whichever side it is on. */
export interface Look {
  readonly pages: number;
  readonly donePages: number;
  readonly bytes: number;
  /** How many times smaller the pages went; not given where they go as they are. */
  readonly ratio?: number;
  readonly elapsedMs: number;
  readonly faults?: number;
  readonly stallP99Us?: number;
  readonly limiter?: string;
}

export interface Progress {
  show(look: Look): void;
  end(): void;
}

/** Plain lines come at most this often. */
const LINE_INTERVAL_MS = 1000;

/** A bar on a terminal, plain lines elsewhere, nothing with `--json`: there the events say it. */
export function createProgress(context: CliContext, label: string, isJson: boolean): Progress {
  if (isJson) return { show: () => undefined, end: () => undefined };
  return context.isTty ? bar(context, label) : lines(context, label);
}

function bar(context: CliContext, label: string): Progress {
  const single = new SingleBar({
    format: `${label} {bar} {percentage}%  {words}`,
    barsize: 24,
    hideCursor: true,
    clearOnComplete: true,
    stream: context.stderr,
  });
  let isStarted = false;
  return {
    show(look) {
      if (look.pages === 0) return;
      if (!isStarted) single.start(look.pages, 0, { words: '' });
      isStarted = true;
      single.update(look.donePages, { words: words(look) });
    },
    end() {
      if (isStarted) single.stop();
    },
  };
}

function lines(context: CliContext, label: string): Progress {
  let lastMs = 0;
  return {
    show(look) {
      if (look.pages === 0 || look.elapsedMs - lastMs < LINE_INTERVAL_MS) return;
      lastMs = look.elapsedMs;
      const percent = Math.floor((100 * look.donePages) / look.pages);
      context.stderr.write(`${label} ${percent}%  ${words(look)}\n`);
    },
    end: () => undefined,
  };
}

function words({ bytes, ratio, elapsedMs, faults, stallP99Us, limiter }: Look): string {
  return [
    showBytes(bytes),
    elapsedMs > 0 ? `${showBytes((bytes * 1000) / elapsedMs)}/s` : '',
    ratio === undefined ? '' : `${ratio.toFixed(1)} times smaller`,
    faults === undefined ? '' : `${faults} faults`,
    stallP99Us === undefined ? '' : `stall p99 ${showUs(stallP99Us)}`,
    limiter ?? '',
  ]
    .filter((word) => word !== '')
    .join(' · ');
}
