import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { receiveHandoff, ServedMachine } from '@stillframe/guests/handoff';
import { openFiles, readWorkingSet, workingSetPath } from '@stillframe/guests/lazy';
import { CliError } from '../cli-error.ts';
import { pageCodec } from '../codec.ts';
import { claimSocketPath } from '../control/socket-path.ts';
import type { LoadOptions } from '../load-image.ts';
import { openImageFiles } from './image-files.ts';
import { fillOptions } from './lazy-options.ts';
import { saveWorkingSet } from './save-working-set.ts';
import { figureRows, figuresOf, rowsText } from './serve-figures.ts';

/** `restore --lazy --handoff SOCKET`: the page-fault handler of one machine, until its monitor ends. */
export async function restoreByHandoff(
  path: string,
  socketPath: string,
  prefetch: number,
  options: LoadOptions,
): Promise<void> {
  const { context, report, ...choice } = options;
  using files = await openImageFiles(path, choice);
  const image = openFiles(files, pageCodec);
  const wsPath = workingSetPath(path);
  const known = readWorkingSet(wsPath, image);
  const socket = await acceptOne(socketPath, context.signal, () => {
    report.talk(`waiting for a monitor at ${socketPath}`);
    report.event({ type: 'listening', socket: socketPath });
  });
  try {
    const handoff = await receiveHandoff(descriptorOf(socket), { signal: context.signal });
    await using machine = await ServedMachine.start(handoff, image, files, {
      ...fillOptions(),
      order: known,
      prefetchBytesPerSecond: prefetch,
    });
    report.talk(`serving ${handoff.mappings.length} mappings`);
    await ended(socket, context.signal);
    const { server } = machine;
    const touched = server.touched();
    saveWorkingSet(path, image, { known, touched }, report);
    const figures = figuresOf(server);
    const withFile = handoff.memoryFd !== undefined;
    report.result(rowsText(figureRows(figures)), {
      type: 'summary',
      outcome: 'done',
      path,
      into: 'handoff',
      lazy: true,
      mappings: handoff.mappings.length,
      memoryFile: withFile,
      recordedRuns: known.length,
      ...figures,
      verified: false,
    });
  } finally {
    socket.destroy();
  }
}

/** One connection that nobody reads: a read by Node would drop the descriptors that come with the bytes. */
async function acceptOne(path: string, signal: AbortSignal, listening: () => void): Promise<Socket> {
  const server: Server = createServer({ pauseOnConnect: true });
  try {
    await claimSocketPath(path, async () => {
      server.listen({ path });
      await once(server, 'listening', { signal });
    });
    listening();
    const [socket]: Socket[] = await once(server, 'connection', { signal });
    return socket!;
  } finally {
    server.close();
  }
}

/** Node has no other way to a socket's descriptor. */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd === 'number' && fd >= 0) return fd;
  throw new CliError('REFUSED', 'the connection has no descriptor', {
    hint: 'The monitor has gone already.',
  });
}

/** The monitor keeps its end open as long as it lives. */
async function ended(socket: Socket, signal: AbortSignal): Promise<void> {
  socket.on('error', () => undefined);
  const close = once(socket, 'close', { signal });
  socket.resume();
  await close;
}
