import { type PeerTimeouts, receiveFromPeer, type Transport, type Verify } from '@stillframe/snapshot';
import type { CliContext } from './cli.ts';
import { pageCodec } from './codec.ts';
import type { PictureDestination } from './picture-destination.ts';
import type { Report } from './report/report.ts';
import { showBytes, showCount, showMs } from './report/units.ts';
import { watchReceipt } from './report/watch-receipt.ts';
import type { OpenParent } from './series/parent-image.ts';

export interface ReceivePictureOptions {
  readonly context: CliContext;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly transport: Transport;
  readonly timeouts: PeerTimeouts;
  readonly destination: PictureDestination;
  /** What an increment that comes builds on. */
  readonly parent: OpenParent | undefined;
}

/** Takes a picture in, with progress, and tells what came. Throws what became of it otherwise. */
export async function receivePicture(options: ReceivePictureOptions): Promise<void> {
  const { report, signal, transport, timeouts, destination, parent } = options;
  const verify: Verify = async (_image, verifySignal) => {
    const check = await destination.check(verifySignal);
    report.event({ type: 'verify', ...check });
    if (check.oracle === null) return undefined;
    return { verified: check.verified, message: check.message };
  };
  const run = receiveFromPeer({
    transport,
    target: destination.target,
    codec: pageCodec,
    ...(parent === undefined ? {} : { parent: parent.image }),
    verify,
    signal,
    timeouts,
  });
  const summary = await watchReceipt(run, 'receive', options);
  const words = summary.oracleVerified ? 'digest and oracle' : 'digest (there is no oracle for this guest)';
  report.result(
    [
      `  received      ${showCount(summary.pages)} pages, ${showCount(summary.zeroPages)} of them zero; ${showBytes(summary.bytes)} in ${showMs(summary.durationMs)}`,
      `  kept in       ${destination.words}`,
      `  digest        ${summary.digest}`,
      `  verified      ${words}`,
    ].join('\n'),
    {
      type: 'summary',
      outcome: 'done',
      mode: 'snapshot',
      into: destination.words,
      ...summary,
      verified: summary.oracleVerified,
    },
  );
  await destination.ended?.();
}
