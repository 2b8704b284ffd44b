/** Bytes that are not RESP, or more of them than anybody needs. `offset` counts from the start of what is buffered. */
export class RespError extends Error {
  override readonly name = 'RespError';
  readonly code = 'KV_PROTOCOL';
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
