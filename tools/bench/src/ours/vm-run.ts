import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { qemuGuest } from '@stillframe/guests/qemu';
import { none } from '@stillframe/limiter';
import { pageCodec } from '@stillframe/page-codec';
import { nullSink, type Sink, takeSnapshot } from '@stillframe/snapshot';
import { openFileSink } from '../../../../apps/migrate/src/io/file-sink.ts';
import { DEFAULT_CAPTURE } from '../stream-request.ts';
import type { MachinePicture, VmSink } from '../vm/figures.ts';
import type { Addon } from './addon.ts';
import { slowSink, stallingSink } from './sinks.ts';

export interface VmRequest {
  readonly qmp: string;
  readonly vmSink: VmSink;
}

/** A picture of a running machine, with all that belongs to it: attaching, arming ahead, the end of the image. */
export async function runVm(_addon: Addon, { qmp, vmSink }: VmRequest): Promise<object> {
  const sink = await openVmSink(vmSink);
  const startMs = performance.now();
  await using guest = await qemuGuest({ qmp });
  await takeSnapshot({ guest, sink, limiter: none(), codec: pageCodec, capture: DEFAULT_CAPTURE }).result;
  const figures: MachinePicture = { totalMs: performance.now() - startMs, pauseMs: guest.pausedMs };
  return figures;
}

async function openVmSink(choice: VmSink): Promise<Sink> {
  switch (choice.kind) {
    case 'pipe':
      return pipeSink();
    case 'file':
      return openFileSink(choice.path);
    case 'slow':
      return slowSink(choice.bytesPerSecond);
    case 'stalling':
      return stallingSink(choice.imageBytes, choice);
    case 'null':
    default:
      return nullSink();
  }
}

/** The same program at the other end as QEMU’s. */
function pipeSink(): Sink {
  const reader = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] });
  const { stdin } = reader;
  return {
    async write(iovecs) {
      if (iovecs.length === 0) return;
      stdin.cork();
      const written = Promise.all(
        iovecs.map(
          (bytes) =>
            new Promise<void>((resolve, reject) => {
              stdin.write(bytes, (error) => (error == null ? resolve() : reject(error)));
            }),
        ),
      );
      stdin.uncork();
      await written;
    },
    async end() {
      stdin.end();
      await once(reader, 'exit');
    },
    async abort() {
      stdin.destroy();
    },
  };
}
