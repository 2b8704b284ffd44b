import { RespBuffer, respInteger } from './resp-buffer.ts';
import { RespError } from './resp-error.ts';
import { RESP_BULK_MAX_BYTES } from './resp-limits.ts';

export type RespReply =
  | { readonly type: 'status'; readonly text: string }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'bulk'; readonly bytes: Buffer | null };

/** Replies of a server, as far as a kv server gives them: no arrays. */
export class RespReplies {
  readonly #buffer = new RespBuffer();

  push(chunk: Uint8Array): void {
    this.#buffer.push(chunk);
  }

  /** The next whole reply; undefined when none has arrived. Throws RespError. */
  next(): RespReply | undefined {
    const start = this.#buffer.position;
    const line = this.#buffer.line();
    const reply = line === undefined ? undefined : this.#read(line, start);
    if (reply === undefined) this.#buffer.back(start);
    return reply;
  }

  #read(line: string, offset: number): RespReply | undefined {
    switch (line.slice(0, 1)) {
      case '+':
        return { type: 'status', text: line.slice(1) };
      case '-':
        return { type: 'error', text: line.slice(1) };
      case ':':
        return {
          type: 'integer',
          value: respInteger(line, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, offset),
        };
      case '$': {
        const length = respInteger(line, -1, RESP_BULK_MAX_BYTES, offset);
        if (length < 0) return { type: 'bulk', bytes: null };
        const bytes = this.#buffer.bulk(length);
        return bytes && { type: 'bulk', bytes };
      }
      default:
        throw new RespError('no reply begins like this', offset);
    }
  }
}

export const respReply = {
  ok: Buffer.from('+OK\r\n'),
  nil: Buffer.from('$-1\r\n'),
  emptyArray: Buffer.from('*0\r\n'),
  status: (text: string): Buffer => Buffer.from(`+${text}\r\n`),
  /** `text` begins with a code in capitals; line ends in it would end the reply. */
  error: (text: string): Buffer => Buffer.from(`-${text.replaceAll(/[\r\n]/g, ' ')}\r\n`),
  integer: (value: number): Buffer => Buffer.from(`:${value}\r\n`),
  bulk: (bytes: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from(`$${bytes.byteLength}\r\n`), bytes, Buffer.from('\r\n')]),
};
