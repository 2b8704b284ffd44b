import type { StateInput } from './encoder.ts';
import type { StateFrame } from './frames.ts';

/** Puts the parts of a guest state together. Memory grows with what came, not with what was announced (I-6). */
export declare class StateCollector {
  /** The whole state once `frame.last` came. Copies the bytes. */
  add(frame: StateFrame): StateInput | undefined;
}
