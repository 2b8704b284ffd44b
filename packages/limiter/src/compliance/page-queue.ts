/** When the oldest and the youngest of some pages were captured. */
export interface Stay {
  readonly oldestNs: number;
  readonly youngestNs: number;
}

/** Captured pages in order, as runs that were captured together. */
export class PageQueue {
  pages = 0;
  private runs: { pages: number; readonly atNs: number }[] = [];

  add(pages: number, atNs: number): void {
    this.pages += pages;
    this.runs.push({ pages, atNs });
  }

  get oldestNs(): number | undefined {
    return this.runs[0]?.atNs;
  }

  /** The oldest `pages`, of which there are as many. */
  take(pages: number): Stay {
    const oldestNs = this.oldestNs ?? 0;
    let youngestNs = oldestNs;
    let left = pages;
    while (left > 0) {
      const run = this.runs[0];
      if (run === undefined) throw new RangeError('more pages taken than there are');
      youngestNs = run.atNs;
      const some = Math.min(left, run.pages);
      run.pages -= some;
      left -= some;
      if (run.pages === 0) this.runs.shift();
    }
    this.pages -= pages;
    return { oldestNs, youngestNs };
  }
}

/** The stays of pages that have left since it was asked last. */
export class StayMeter {
  private minNs = Number.POSITIVE_INFINITY;
  private maxNs = 0;

  left({ oldestNs, youngestNs }: Stay, nowNs: number): void {
    this.minNs = Math.min(this.minNs, nowNs - youngestNs);
    this.maxNs = Math.max(this.maxNs, nowNs - oldestNs);
  }

  take(): { minNs: number; maxNs: number } {
    const stays = { minNs: Number.isFinite(this.minNs) ? this.minNs : 0, maxNs: this.maxNs };
    this.minNs = Number.POSITIVE_INFINITY;
    this.maxNs = 0;
    return stays;
  }
}
