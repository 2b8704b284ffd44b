import { none } from '@stillframe/limiter';
import {
  type CaptureOptions,
  type Guest,
  memorySink,
  receiveStream,
  takeSnapshot,
} from '@stillframe/snapshot';
import { CoreTarget } from '../src/core/index.ts';
import { CoreOnDisk } from './core-on-disk.ts';

export const ROOMY: CaptureOptions = { preImagesMaxBytes: 16 * 2 ** 20, overflow: 'spill' };
const IMAGE_MAX_BYTES = 2 ** 30;

/** Takes a snapshot of the guest, sends it through the page stream, and makes a core file of it. */
export async function takeCore(guest: Guest, path: string, capture: CaptureOptions = ROOMY) {
  const sink = memorySink({ maxBytes: IMAGE_MAX_BYTES });
  const summary = await takeSnapshot({ guest, sink, limiter: none(), capture }).result;
  const target = new CoreTarget(await CoreOnDisk.create(path));
  const stream = async function* () {
    yield sink.image()!;
  };
  const received = await receiveStream({ source: stream(), target }).result;
  return { summary, received };
}
