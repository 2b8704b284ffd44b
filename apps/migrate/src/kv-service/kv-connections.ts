import { createServer, type Server, type Socket } from 'node:net';
import { RespError } from './resp-error.ts';
import { respReply } from './resp-replies.ts';
import { RespRequests } from './resp-requests.ts';

/** Does a whole request and gives its reply. */
export interface RequestRunner {
  run(request: readonly Buffer[]): Buffer;
}

/** Waiting ones are refused by the kernel; each of ours may hold one request. */
const CONNECTIONS_MAX = 1024;

/**
 * The clients of a store. At rest nothing is read from them and nothing is done; what they send waits in the kernel, or here if it was
 * read already, and is done when serving goes on.
 *
 * Concurrency: one thread. A command is done within one turn of the event loop, so between two turns the store is whole.
 */
export class KvConnections {
  readonly #commands: RequestRunner;
  readonly #server: Server;
  readonly #clients = new Map<Socket, RespRequests>();
  #isServing = false;

  constructor(commands: RequestRunner) {
    this.#commands = commands;
    // Paused: nothing is read from a client before `#serveOne` says so.
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#welcome(socket));
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /** Resolves with the port. Rejects with the system's error. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        const address = this.#server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  serve(): void {
    this.#isServing = true;
    for (const socket of this.#clients.keys()) this.#attend(socket);
  }

  rest(): void {
    this.#isServing = false;
    for (const socket of this.#clients.keys()) socket.pause();
  }

  /** Tells every client where the store is, and closes. A request that was not answered was not done. */
  async depart(movedTo: string): Promise<void> {
    this.#isServing = false;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const reply = respReply.error(movedTo === '' ? 'MOVED' : `MOVED ${movedTo}`);
    for (const socket of this.#clients.keys()) {
      socket.end(reply);
      // What it sent meanwhile is read and dropped: unread bytes would make the close a reset, and the reply could be lost.
      socket.removeAllListeners('data');
      socket.resume();
      socket.setTimeout(FAREWELL_MS, () => socket.destroy());
    }
    await closed;
  }

  #welcome(socket: Socket): void {
    this.#clients.set(socket, new RespRequests());
    socket.on('data', (chunk) => this.#take(socket, chunk));
    socket.on('drain', () => this.#attend(socket));
    // A client that goes is no news; its requests that were done are in the store.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#clients.delete(socket));
    if (this.#isServing) this.#attend(socket);
  }

  #take(socket: Socket, chunk: Uint8Array): void {
    this.#clients.get(socket)?.push(chunk);
    this.#attend(socket);
  }

  /** Does what has arrived from a client, and reads on. */
  #attend(socket: Socket): void {
    if (!this.#isServing || socket.destroyed) return;
    try {
      if (this.#doRequests(socket)) socket.resume();
      else socket.pause();
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      socket.end(respReply.error(`ERR protocol error: ${error.message}`));
      this.#clients.delete(socket);
    }
  }

  /** False when the client does not take its replies: then no more is done for it until it does. */
  #doRequests(socket: Socket): boolean {
    const requests = this.#clients.get(socket);
    if (requests === undefined) return true;
    while (!socket.writableNeedDrain) {
      const request = requests.next();
      if (request === undefined) return true;
      if (request.length > 0) socket.write(this.#commands.run(request));
    }
    return false;
  }
}

/** A client that is told where to go and does not close gets this long. */
const FAREWELL_MS = 1000;
