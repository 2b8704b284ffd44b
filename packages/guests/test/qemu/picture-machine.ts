import { none } from '@stillframe/limiter';
import {
  type CaptureOptions,
  type Guest,
  type GuestState,
  memorySink,
  receiveStream,
  type Region,
  type SnapshotSummary,
  takeSnapshot,
  type Target,
} from '@stillframe/snapshot';

export const ROOMY: CaptureOptions = { preImagesMaxBytes: 64 * 2 ** 20, overflow: 'spill' };
const IMAGE_MAX_BYTES = 2 ** 30;

/** An image, read back. */
export class MachineImage implements Target {
  regions: readonly Region[] = [];
  memory: readonly Uint8Array[] = [];
  state: GuestState | undefined;

  async allocate(regions: readonly Region[]): Promise<void> {
    this.regions = regions;
    this.memory = regions.map(({ sizeBytes }) => new Uint8Array(sizeBytes));
  }

  async writeState({ kind, bytes }: GuestState): Promise<void> {
    this.state = { kind, bytes: bytes.slice() };
  }

  writePages: Target['writePages'] = async (region, runs, bytes) => {
    const { pageSize } = this.regions[region]!;
    let at = 0;
    for (const { firstPage, pageCount, kind } of runs) {
      if (kind === 'zero') continue;
      const run = bytes.subarray(at, at + pageCount * pageSize);
      this.memory[region]!.set(run, firstPage * pageSize);
      at += run.byteLength;
    }
  };

  async commit(): Promise<void> {}
  async discard(): Promise<void> {}
}

/** Takes a snapshot of the machine, sends it through the page stream, and reads it back. */
export async function pictureMachine(
  guest: Guest,
): Promise<{ image: MachineImage; summary: SnapshotSummary }> {
  const sink = memorySink({ maxBytes: IMAGE_MAX_BYTES });
  const summary = await takeSnapshot({ guest, sink, limiter: none(), capture: ROOMY }).result;
  const image = new MachineImage();
  const stream = async function* () {
    yield sink.image()!;
  };
  await receiveStream({ source: stream(), target: image }).result;
  return { image, summary };
}
