import type { CoreFile } from '../src/core/index.ts';

/** A core file in memory, which remembers what was written where. */
export class MemoryCore implements CoreFile {
  bytes = new Uint8Array(0);
  readonly writes: { readonly offset: number; readonly sizeBytes: number }[] = [];
  fate: 'open' | 'committed' | 'discarded' = 'open';

  async write(buffers: readonly Uint8Array[], offset: number): Promise<void> {
    let at = offset;
    for (const buffer of buffers) {
      this.bytes.set(buffer, at);
      at += buffer.length;
    }
    this.writes.push({ offset, sizeBytes: at - offset });
  }

  async truncate(sizeBytes: number): Promise<void> {
    this.bytes = new Uint8Array(sizeBytes);
  }

  async commit(): Promise<void> {
    this.fate = 'committed';
  }

  async discard(): Promise<void> {
    this.fate = 'discarded';
  }
}
