import type { StateInput } from './encoder-options.ts';
import type { StateFrame } from './frames.ts';

/** Puts the parts of one guest state together. Memory grows with what came, not with what was announced (I-6). */
export class StateCollector {
  readonly #parts: Uint8Array[] = [];

  /** Copies the bytes. Returns the whole state with the last part. */
  add(frame: StateFrame): StateInput | undefined {
    this.#parts.push(new Uint8Array(frame.bytes));
    if (!frame.last) return undefined;
    const bytes = new Uint8Array(frame.totalBytes);
    let at = 0;
    for (const part of this.#parts.splice(0)) {
      bytes.set(part, at);
      at += part.length;
    }
    return { kind: frame.kind, bytes };
  }
}
