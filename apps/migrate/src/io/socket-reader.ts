import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** Reads 1 to `into.byteLength` bytes; 0 at the end. One call at a time. Rejects with what broke the connection. */
export type SocketRead = (into: Uint8Array) => Promise<number>;

/** Reads any socket, with Node's own chunks of at most 64 KiB and one copy. Nothing is read ahead of the caller but one chunk. */
export function chunkReader(socket: Socket): SocketRead {
  const turn = new ReadTurn(socket);
  let rest: Uint8Array = new Uint8Array(0);
  socket.on('data', (chunk: Uint8Array) => {
    socket.pause();
    rest = chunk;
    turn.came(0);
  });
  socket.pause();
  return async (into) => {
    if (rest.byteLength === 0) await turn.wait(() => socket.resume());
    const taken = Math.min(rest.byteLength, into.byteLength);
    into.set(rest.subarray(0, taken));
    rest = rest.subarray(taken);
    return taken;
  };
}

/** One reader that waits for bytes, the end, or a failure of its socket. */
export class ReadTurn {
  #isOver = false;
  #failure: Error | undefined;
  #waiting: PromiseWithResolvers | undefined;

  constructor(socket: Readable) {
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.on('end', () => this.#end());
    // Comes after an error, and after `destroy` on this side.
    socket.on('close', () => this.#end());
  }

  /** Resolves to what `came` is given, or 0 at the end. */
  wait(start: () => void): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isOver) return Promise.resolve(0);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      start();
    });
  }

  came(byteCount: number): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(byteCount);
  }

  #end(): void {
    this.#isOver = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#failure === undefined) waiting?.resolve(0);
    else waiting?.reject(this.#failure);
  }
}

interface PromiseWithResolvers {
  resolve(byteCount: number): void;
  reject(error: Error): void;
}
