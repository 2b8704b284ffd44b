import type { Region } from '../guest.ts';

/** `receive` (frames arrive) → `verify` (everything came and matched; the oracle looks) → `commit`. */
export type ReceivePhase = 'receive' | 'verify' | 'commit';

export interface ReceivePhaseEvent {
  readonly type: 'phase';
  readonly phase: ReceivePhase;
  readonly atNs: number;
}

export interface ReceiveProgressEvent {
  readonly type: 'progress';
  readonly atNs: number;
  readonly progress: ReceiveProgress;
}

export type ReceiveEvent = ReceivePhaseEvent | ReceiveProgressEvent;

export interface ReceiveProgress {
  readonly phase: ReceivePhase;
  readonly elapsedMs: number;
  /** All pages of the image; 0 until its regions are known. */
  readonly pages: number;
  readonly receivedPages: number;
  /** Bytes of the stream so far. */
  readonly bytes: number;
}

/** An image that was received whole, with every checksum and total right, and committed. */
export interface ReceiveSummary {
  readonly regions: readonly Region[];
  readonly stateKind: string;
  readonly pages: number;
  readonly zeroPages: number;
  readonly bytes: number;
  /** 16 hexadecimal digits, as in the summary of the snapshot. */
  readonly digest: string;
  /** 32 hexadecimal digits. */
  readonly streamId: string;
  /** The oracle looked and agreed; false when there was none. */
  readonly oracleVerified: boolean;
  readonly durationMs: number;
}
