import { RespBuffer, respInteger } from './resp-buffer.ts';
import { RespError } from './resp-error.ts';
import { RESP_ARGUMENTS_MAX, RESP_BULK_MAX_BYTES, RESP_REQUEST_MAX_BYTES } from './resp-limits.ts';

/**
 * Requests of a client, in RESP2 (the protocol of Redis): an array of bulk strings, or words on one line, as a person types them.
 *
 * Source: https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class RespRequests {
  readonly #buffer = new RespBuffer();

  push(chunk: Uint8Array): void {
    this.#buffer.push(chunk);
  }

  /** The next whole request, copied; undefined when none has arrived. Throws RespError; the connection is of no use then. */
  next(): Buffer[] | undefined {
    const start = this.#buffer.position;
    const request = this.#buffer.peek() === '*' ? this.#array() : this.#inline();
    if (request !== undefined) return request;
    this.#buffer.back(start);
    if (this.#buffer.buffered > RESP_REQUEST_MAX_BYTES) throw new RespError('too long a request', start);
    return undefined;
  }

  #inline(): Buffer[] | undefined {
    const line = this.#buffer.line();
    return line
      ?.split(/\s+/)
      .filter((word) => word !== '')
      .map((word) => Buffer.from(word, 'latin1'));
  }

  #array(): Buffer[] | undefined {
    const at = this.#buffer.position;
    const line = this.#buffer.line();
    if (line === undefined) return undefined;
    const count = respInteger(line, 0, RESP_ARGUMENTS_MAX, at);
    const request: Buffer[] = [];
    while (request.length < count) {
      const argument = this.#argument();
      if (argument === undefined) return undefined;
      request.push(argument);
    }
    return request;
  }

  #argument(): Buffer | undefined {
    const at = this.#buffer.position;
    const line = this.#buffer.line();
    if (line === undefined) return undefined;
    if (!line.startsWith('$')) throw new RespError('a request is made of bulk strings', at);
    return this.#buffer.bulk(respInteger(line, 0, RESP_BULK_MAX_BYTES, at));
  }
}

/** A request as bytes. */
export function encodeRequest(words: readonly (string | Uint8Array)[]): Buffer {
  const parts = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === 'string' ? Buffer.from(word) : word;
    parts.push(Buffer.from(`$${bytes.byteLength}\r\n`), Buffer.from(bytes), Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}
