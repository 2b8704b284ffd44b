import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** One question after the other to redis-server, in RESP2. */
export class RedisConnection {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #buffered = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  static async open(path: string): Promise<RedisConnection> {
    const socket = connect({ path });
    await once(socket, 'connect');
    return new RedisConnection(socket);
  }

  /** `command` has no spaces within its words. Throws what the server refuses. */
  async ask(command: string): Promise<string> {
    this.#socket.write(`${command}\r\n`);
    const line = await this.#line();
    if (line.startsWith('$')) return await this.#bulk(Number(line.slice(1)));
    if (line.startsWith('-')) throw new Error(`redis-server: ${command}: ${line.slice(1)}`);
    return line.slice(1);
  }

  /** A number of `INFO`. */
  async info(section: string, field: string): Promise<number> {
    const text = await this.ask(`INFO ${section}`);
    const [, value] = new RegExp(`^${field}:(\\d+)`, 'm').exec(text) ?? [];
    if (value === undefined) throw new Error(`redis-server does not say ${field}`);
    return Number(value);
  }

  close(): void {
    this.#socket.destroy();
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffered.indexOf('\r\n');
      if (end !== -1) {
        const line = this.#buffered.toString('latin1', 0, end);
        this.#buffered = this.#buffered.subarray(end + 2);
        return line;
      }
      // oxlint-disable-next-line no-await-in-loop -- until the line is whole
      await this.#read();
    }
  }

  async #bulk(sizeBytes: number): Promise<string> {
    // oxlint-disable-next-line no-await-in-loop -- until it is whole
    while (this.#buffered.byteLength < sizeBytes + 2) await this.#read();
    const text = this.#buffered.toString('latin1', 0, sizeBytes);
    this.#buffered = this.#buffered.subarray(sizeBytes + 2);
    return text;
  }

  async #read(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done === true) throw new Error('redis-server closed the connection');
    this.#buffered = Buffer.concat([this.#buffered, value]);
  }
}
