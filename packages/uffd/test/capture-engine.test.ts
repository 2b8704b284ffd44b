import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { CaptureEngine, Mapping } from '../src/index.ts';

const PAGE = 4096;
const ALL = Number.MAX_SAFE_INTEGER;

describe('smoke', () => {
  it('captures', async () => {
    using mapping = new Mapping({ sizeBytes: 256 * PAGE });
    const words = new Uint32Array(mapping.buffer);
    for (let page = 0; page < 200; page++) words[page * 1024] = page + 1;
    using engine = CaptureEngine.open([{ memory: mapping }]);
    engine.arm();
    // This thread is the blocked writer: the fault thread does not need it (I-1).
    for (let page = 0; page < 50; page++) words[page * 1024] = 0xffffffff;
    engine.grant(ALL);
    const seen = new Map<number, number>();
    while (seen.size < 256) {
      const slabs = engine.pull(8);
      for (const slab of slabs) {
        let at = 0;
        for (const run of slab.runs)
          for (let i = 0; i < run.pageCount; i++) {
            const view = new DataView(slab.bytes.buffer, slab.bytes.byteOffset + at);
            seen.set(run.firstPage + i, run.kind === 'zero' ? 0 : view.getUint32(0, true));
            if (run.kind === 'data') at += PAGE;
          }
        slab.release();
      }
      if (slabs.length === 0) await engine.wait();
    }
    for (let page = 0; page < 256; page++) expect(seen.get(page)).toBe(page < 200 ? page + 1 : 0);
    expect(engine.stats().faultPages).toBe(50);
  });
});
