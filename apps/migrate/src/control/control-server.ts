import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LineSplitter } from '@stillframe/snapshot/trace';
import { CliError } from '../cli-error.ts';
import { failure } from './answer.ts';
import { CLIENT_IDLE_MS, CLIENTS_MAX, FAREWELL_MS, REQUEST_MAX_BYTES } from './limits.ts';
import { claimSocketPath } from './socket-path.ts';

export interface ControlServer extends AsyncDisposable {
  readonly path: string;
}

export interface ControlServerOptions {
  readonly path: string;
  /** One line to one answer, which is sent as JSON; never rejects. */
  readonly answer: (line: string) => Promise<object>;
  readonly idleMs?: number;
}

/**
 * Answers lines of JSON on a Unix socket that only its owner may use, until it is disposed of, when the socket's file goes.
 *
 * Not trusted: length and number of lines, clients that do not read, that go away at any moment, that stay for ever.
 *
 * @throws CliError REFUSED or FILE when the path cannot be had.
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const clients = new Set<Socket>();
  const answering = new Set<Promise<void>>();
  const track = async (work: Promise<void>) => {
    answering.add(work);
    await work.finally(() => answering.delete(work));
  };
  // Half open: a client may say that it has said everything, and still read.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // What becomes of a connection is told by its reads and writes.
    socket.on('error', () => undefined);
    if (clients.size >= CLIENTS_MAX) {
      const busy = new CliError('REFUSED', `${CLIENTS_MAX} clients are connected already`, {
        hint: 'Try again when one has gone.',
      });
      socket.end(`${JSON.stringify(failure(busy))}\n`);
      // Unread bytes would hold the end back.
      socket.resume();
      return;
    }
    clients.add(socket);
    socket.once('close', () => clients.delete(socket));
    socket.setTimeout(options.idleMs ?? CLIENT_IDLE_MS, () => socket.destroy());
    void serve(socket, (line) => track(options.answer(line).then((words) => say(socket, words))));
  });
  await claimSocketPath(options.path, () => listen(server, options.path));
  return {
    path: options.path,
    async [Symbol.asyncDispose]() {
      // Also removes the file.
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      const late = new AbortController();
      const timeout = sleep(FAREWELL_MS, undefined, { signal: late.signal }).catch(() => undefined);
      // The answer to `cancel` goes out, too.
      await Promise.race([Promise.all(answering), timeout]);
      for (const socket of clients) socket.end();
      await Promise.race([closed, timeout]);
      late.abort();
      for (const socket of clients) socket.destroy();
      await closed;
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  // Before the file exists, so that there is no moment in which others may connect. It is made within the call.
  const umask = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(umask);
  }
  await once(server, 'listening');
}

/** Answers one line after the other; never rejects. */
async function serve(socket: Socket, answer: (line: string) => Promise<void>): Promise<void> {
  const lines = new LineSplitter(REQUEST_MAX_BYTES);
  try {
    // The iterator would otherwise destroy the socket with what was said and not sent yet.
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      // oxlint-disable-next-line no-await-in-loop -- in order
      for (const line of lines.take(chunk)) await answer(line);
    }
  } catch (error) {
    // The client is gone, or has sent too long a line.
    if (error instanceof RangeError) {
      await say(socket, failure(new CliError('USAGE', error.message)));
    }
  }
  socket.end();
}

/** Waits until the client takes it, so that one who only asks fills no memory. */
async function say(socket: Socket, words: object): Promise<void> {
  if (!socket.writable || socket.write(`${JSON.stringify(words)}\n`)) return;
  await new Promise<void>((resolve) => {
    socket.once('drain', resolve).once('close', resolve);
  });
}
