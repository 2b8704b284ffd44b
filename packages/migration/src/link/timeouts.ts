/** How long to wait for the other side before it counts as lost (I-6). Each in milliseconds. */
export interface MigrationTimeouts {
  /** From the connection to the HELLO of the other side. */
  readonly helloMs: number;
  /** For one write to be taken: a batch of a MiB. */
  readonly writeMs: number;
  /** Without a byte from the source, at the destination, until the hand-over. Between two rounds a source looks for dirty pages. */
  readonly silenceMs: number;
  /** From the offer to PREPARED: the destination takes what is on its way, and checks it. */
  readonly preparedMs: number;
  /** From COMMIT to STARTED, and from PREPARED to COMMIT. The guest stands still meanwhile. */
  readonly handOverMs: number;
}

export const migrationTimeouts: MigrationTimeouts = {
  helloMs: 10_000,
  writeMs: 30_000,
  silenceMs: 60_000,
  preparedMs: 60_000,
  handOverMs: 30_000,
};
