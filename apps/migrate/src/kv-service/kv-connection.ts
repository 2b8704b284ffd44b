import { connect, type Socket } from 'node:net';
import { KvClientError } from './kv-client-error.ts';
import type { KvEndpoint } from './kv-client.ts';
import { type RespReply, RespReplies } from './resp-replies.ts';

interface Waiter {
  resolve(reply: RespReply): void;
  reject(error: Error): void;
}

/** One connection to a kv server, for one request at a time. */
export class KvConnection {
  readonly #socket: Socket;
  readonly #replies = new RespReplies();
  #waiter: Waiter | undefined;
  #unasked: RespReply | undefined;
  #error: Error | undefined;

  /** Rejects with KV_LOST when nobody answers there within `withinMs`. */
  static open(endpoint: KvEndpoint, withinMs: number): Promise<KvConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ ...endpoint, noDelay: true });
      const timer = setTimeout(() => socket.destroy(lost(`no connection within ${withinMs} ms`)), withinMs);
      socket.once('error', (cause) => reject(lost(cause.message, cause)));
      socket.once('close', () => clearTimeout(timer));
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve(new KvConnection(socket));
      });
    });
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#hear(chunk));
    socket.on('error', (cause) => this.#fail(lost(cause.message, cause)));
    socket.on('close', () => this.#fail(lost('the server closed the connection')));
  }

  /** Rejects with KV_LOST; then the connection is of no use any more. */
  async ask(request: Uint8Array, withinMs: number): Promise<RespReply> {
    // A server that departs says so without being asked.
    if (this.#unasked !== undefined) return this.#unasked;
    if (this.#error !== undefined) throw this.#error;
    const timer = setTimeout(() => this.#fail(lost(`no reply within ${withinMs} ms`)), withinMs);
    try {
      return await new Promise<RespReply>((resolve, reject) => {
        this.#waiter = { resolve, reject };
        this.#socket.write(request);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #hear(chunk: Uint8Array): void {
    try {
      this.#replies.push(chunk);
      for (let reply = this.#replies.next(); reply !== undefined; reply = this.#replies.next()) {
        const waiter = this.#waiter;
        this.#waiter = undefined;
        if (waiter === undefined) this.#unasked ??= reply;
        else waiter.resolve(reply);
      }
    } catch (error) {
      this.#fail(lost('the server speaks another language', error));
    }
  }

  #fail(error: Error): void {
    this.#error ??= error;
    this.#waiter?.reject(this.#error);
    this.#waiter = undefined;
    this.#socket.destroy();
  }
}

function lost(message: string, cause?: unknown): KvClientError {
  return new KvClientError('KV_LOST', message, { cause });
}
