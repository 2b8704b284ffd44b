import { type Frame, formatDigest, type PageReader } from '@stillframe/page-stream';
import type { Clock } from '../clock.ts';
import { attempt, SnapshotError } from '../error.ts';
import type { EventHub } from '../event-hub.ts';
import type { Target } from '../guest.ts';
import type { Interruption } from '../interruption.ts';
import { startTicker } from '../ticker.ts';
import type { ReceiveEvent, ReceivePhase, ReceiveProgress, ReceiveSummary } from './event.ts';
import { Intake, type ReceivedImage } from './intake.ts';

/** What an oracle says of a whole image. */
export interface Verdict {
  readonly verified: boolean;
  /** Why not, for a person. */
  readonly message?: string;
}

/**
 * Looks at an image that came whole, before it is committed; the pages are in the target. Undefined when it knows nothing about
 * guests of this kind (`image.state.kind`): then the image counts as not verified, and is committed. It is waited for even when the
 * run is aborted, because it reads what `discard` takes away; `signal` asks it to be quick then.
 */
export type Verify = (
  image: ReceivedImage,
  signal: AbortSignal,
) => Verdict | undefined | Promise<Verdict | undefined>;

export interface ReceiveImageOptions {
  /** Ends after END. What it throws is what the run fails with. */
  readonly frames: AsyncIterable<Frame>;
  /** Bytes of the stream so far. */
  readonly offset: () => number;
  readonly target: Target;
  /** Where pages are that stay as in the parent; undefined when the target has them. */
  readonly parent: PageReader | undefined;
  readonly verify: Verify | undefined;
  readonly clock: Clock;
  readonly interruption: Interruption;
  readonly events: EventHub<ReceiveEvent>;
  readonly progressIntervalMs: number;
}

const NS_PER_MS = 1_000_000;

/** Frames → target → oracle → commit. On every failure the target is told to discard (I-7). */
export class ImageReceiver {
  readonly #options: ReceiveImageOptions;
  readonly #intake: Intake;
  readonly #startNs: number;
  #phase: ReceivePhase = 'receive';
  /** What the target is doing; it is not told to discard in the middle of a write. */
  #taking: Promise<void> = Promise.resolve();

  constructor(options: ReceiveImageOptions) {
    this.#options = options;
    this.#intake = new Intake(options.target, options.parent);
    this.#startNs = options.clock.nowNs();
  }

  async run(): Promise<ReceiveSummary> {
    const { clock, progressIntervalMs } = this.#options;
    const ticker = startTicker(clock, progressIntervalMs, () => this.#reportProgress());
    try {
      return await this.#receive();
    } catch (error) {
      await this.#discard(error);
      throw error;
    } finally {
      await ticker.stop();
    }
  }

  progress(): ReceiveProgress {
    return {
      phase: this.#phase,
      elapsedMs: (this.#options.clock.nowNs() - this.#startNs) / NS_PER_MS,
      pages: this.#intake.pages,
      receivedPages: this.#intake.receivedPages,
      bytes: this.#options.offset(),
    };
  }

  async #receive(): Promise<ReceiveSummary> {
    const { target, verify, interruption } = this.#options;
    this.#enter('receive');
    await interruption.race(this.#takeAll());
    const { image } = this.#intake;
    if (image === undefined) throw new SnapshotError('corrupt-stream', 'the stream has no image');
    this.#reportProgress();
    this.#enter('verify');
    const oracleVerified = verify !== undefined && (await this.#askOracle(verify, image));
    interruption.check();
    this.#enter('commit');
    // Not raced: once it has begun, only the target knows whether the image is there.
    await attempt('target-failed', 'target.commit', () => target.commit());
    return this.#summary(image, oracleVerified);
  }

  async #takeAll(): Promise<void> {
    for await (const frame of this.#options.frames) {
      this.#options.interruption.check();
      this.#taking = this.#intake.take(frame);
      await this.#taking;
    }
  }

  /** Whether there was an oracle for this image. */
  async #askOracle(verify: Verify, image: ReceivedImage): Promise<boolean> {
    const { signal, end } = this.#options.interruption.scope();
    try {
      // An oracle that fails has not verified.
      const verdict = await attempt('not-verified', 'verify', () => verify(image, signal));
      if (verdict !== undefined) assertVerified(verdict);
      return verdict !== undefined;
    } catch (error) {
      // One that was asked to be quick may give up, which says nothing about the image.
      this.#options.interruption.check();
      throw error;
    } finally {
      end();
    }
  }

  async #discard(cause: unknown): Promise<void> {
    await this.#taking.catch(() => {});
    try {
      await this.#options.target.discard();
    } catch (error) {
      if (cause instanceof SnapshotError) cause.failedCleanups.push({ step: 'target.discard', error });
    }
  }

  #summary({ regions, state, totals, streamId }: ReceivedImage, oracleVerified: boolean): ReceiveSummary {
    return {
      regions,
      stateKind: state.kind,
      pages: totals.pages,
      zeroPages: totals.zeroPages,
      bytes: this.#options.offset(),
      digest: formatDigest(totals.digest),
      streamId: Array.from(streamId, (byte) => byte.toString(16).padStart(2, '0')).join(''),
      oracleVerified,
      durationMs: this.progress().elapsedMs,
    };
  }

  #enter(phase: ReceivePhase): void {
    this.#phase = phase;
    this.#options.events.emit({ type: 'phase', phase, atNs: this.#options.clock.nowNs() });
  }

  #reportProgress(): void {
    const { events, clock } = this.#options;
    if (!events.hasReaders) return;
    events.emit({ type: 'progress', atNs: clock.nowNs(), progress: this.progress() });
  }
}

function assertVerified({ verified, message = 'the oracle does not accept the image' }: Verdict): void {
  if (verified) return;
  throw new SnapshotError('not-verified', message);
}
