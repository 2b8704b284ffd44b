export type KvClientErrorCode = 'KV_UNREACHABLE' | 'KV_REFUSED' | 'KV_LOST';

const hints: Record<KvClientErrorCode, string> = {
  KV_UNREACHABLE: 'Is a server running at one of the endpoints? Whether the last call was done is not known.',
  KV_REFUSED: 'The server said no; nothing was changed.',
  KV_LOST: 'The connection ended; the call is sent again over the next one.',
};

export class KvClientError extends Error {
  override readonly name = 'KvClientError';
  readonly code: KvClientErrorCode;
  readonly hint: string;

  constructor(code: KvClientErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
    this.hint = hints[code];
  }
}
