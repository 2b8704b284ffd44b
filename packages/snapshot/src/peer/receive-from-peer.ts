import { monotonicClock } from '../clock.ts';
import { EventHub } from '../event-hub.ts';
import { Interruption } from '../interruption.ts';
import type { ReceiveEvent, ReceiveSummary } from '../receive/event.ts';
import { ImageReceiver } from '../receive/receive-image.ts';
import {
  DEFAULT_PROGRESS_INTERVAL_MS,
  type ReceiveOptions,
  type ReceiveRun,
} from '../receive/receive-stream.ts';
import { startRun } from '../run.ts';
import type { PeerOptions } from './peer-sink.ts';
import { SourceConversation } from './source-conversation.ts';

export interface PeerReceiveOptions extends ReceiveOptions, PeerOptions {}

export interface PeerReceiveSummary extends ReceiveSummary {
  /** The source has heard of it. When it is not known to have, the image is kept all the same, because no ownership moved. */
  readonly acknowledged: boolean;
}

/**
 * The mirror of `streamToPeer`: HELLO in both directions, the image into `target`, then ACK. It begins at once.
 *
 * Fails with `peer-lost`, `peer-aborted`, `corrupt-stream`, `version-mismatch`, `target-failed`, `not-verified` or `aborted`; then the
 * source was told why, as far as it listens, and the target was told to discard.
 */
export function receiveFromPeer(options: PeerReceiveOptions): ReceiveRun<PeerReceiveSummary> {
  const { target, verify, clock = monotonicClock } = options;
  const events = new EventHub<ReceiveEvent>(['progress']);
  const interruption = new Interruption('the receipt');
  const conversation = new SourceConversation(options);
  const receiver = new ImageReceiver({
    frames: conversation.frames(),
    offset: () => conversation.offset,
    target,
    parent: options.parent,
    verify,
    clock,
    interruption,
    events,
    progressIntervalMs: options.progressIntervalMs ?? DEFAULT_PROGRESS_INTERVAL_MS,
  });
  const run = startRun(events, options.signal, async (signal) => {
    interruption.follow(signal);
    try {
      const summary = await receiver.run();
      return { ...summary, acknowledged: await conversation.acknowledge(summary) };
    } catch (error) {
      await conversation.refuse(error);
      throw error;
    }
  });
  return { ...run, progress: () => receiver.progress() };
}
