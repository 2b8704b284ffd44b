import type { CaptureEngine } from '@stillframe/uffd';

/** As many slabs as a batch of the orchestrator has. */
const SLABS_AT_ONCE = 4;

/** What came out of a capture. */
export interface Drained {
  readonly dataBytes: number;
  readonly zeroPages: number;
}

/** Grants everything and takes every page, like a sink that costs nothing. */
export async function drain(engine: CaptureEngine): Promise<Drained> {
  let dataBytes = 0;
  let zeroPages = 0;
  let pages = 0;
  engine.grant(engine.pageCount);
  while (pages < engine.pageCount) {
    const slabs = engine.pull(SLABS_AT_ONCE);
    for (const slab of slabs) {
      dataBytes += slab.bytes.byteLength;
      for (const run of slab.runs) {
        pages += run.pageCount;
        if (run.kind === 'zero') zeroPages += run.pageCount;
      }
      slab.release();
    }
    // oxlint-disable-next-line no-await-in-loop -- until the engine has more
    if (slabs.length === 0) await engine.wait();
  }
  return { dataBytes, zeroPages };
}
