/** One frame of a stream, from its header and, for PAGES, its run table. */
export interface FrameSummary {
  readonly offset: number;
  readonly type: number;
  /** The name in FORMAT.md, e.g. `PAGES`, or `UNKNOWN`. */
  readonly typeName: string;
  readonly required: boolean;
  readonly sequence: number;
  readonly payloadBytes: number;
  /** Header and payload. */
  readonly frameBytes: number;
  /** Only for PAGES. */
  readonly pages?: {
    readonly region: number;
    readonly runCount: number;
    readonly dataPages: number;
    readonly zeroPages: number;
  };
}

/**
 * Lists the frames of a stream without reading page bytes, so payload checksums are not checked: for looking, not for believing.
 *
 * `read` returns up to `length` bytes at `offset`, fewer only at the end. Throws PageStreamError where the chain of headers breaks.
 */
export declare function walkFrames(
  read: (offset: number, length: number) => Uint8Array,
): Generator<FrameSummary>;
