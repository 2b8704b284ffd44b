import { QmpClient } from '@stillframe/guests/qemu';
import type { Peers } from '../peers.ts';
import type { MachinePicture, VmSink } from './figures.ts';
import { migrationEnd } from './migration-end.ts';

const CAPABILITIES = ['background-snapshot', 'events'].map((capability) => ({ capability, state: true }));

/** QEMU's own picture of a machine that goes on, by its capability `background-snapshot`. */
export async function backgroundSnapshot(
  socket: string,
  sink: VmSink,
  peers: Peers,
): Promise<MachinePicture> {
  const qmp = await QmpClient.connect(socket);
  try {
    await qmp.execute('migrate-set-capabilities', { capabilities: CAPABILITIES });
    let stoppedAtMs = Number.NaN;
    let pauseMs = Number.NaN;
    qmp.onEvent(({ name, timeMs }) => {
      if (name === 'STOP') stoppedAtMs = timeMs;
      if (name === 'RESUME') pauseMs = timeMs - stoppedAtMs;
    });
    const ended = migrationEnd(qmp);
    const startMs = performance.now();
    await qmp.execute('migrate', { uri: `exec:${commandOf(sink, peers)}` });
    const status = await ended;
    if (status !== 'completed') throw new Error(`QEMU’s snapshot: ${status}`);
    return { totalMs: performance.now() - startMs, pauseMs };
  } finally {
    qmp.close();
  }
}

function commandOf(sink: VmSink, peers: Peers): string {
  switch (sink.kind) {
    case 'file':
      return `cat >${sink.path}`;
    case 'slow':
      return peers.pipeReader({ bytesPerSecond: sink.bytesPerSecond });
    case 'stalling':
      return peers.pipeReader(sink);
    case 'null':
    case 'pipe':
    default:
      return 'cat >/dev/null';
  }
}
