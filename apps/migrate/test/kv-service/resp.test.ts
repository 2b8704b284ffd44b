import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRequest, RespRequests } from '../../src/kv-service/resp-requests.ts';
import { RespReplies, respReply } from '../../src/kv-service/resp-replies.ts';
import { RESP_ARGUMENTS_MAX, RESP_BULK_MAX_BYTES } from '../../src/kv-service/resp-limits.ts';

/** All requests in `bytes`, which arrive in pieces of `pieceBytes`. */
function requestsIn(bytes: Uint8Array, pieceBytes: number): string[][] {
  const reader = new RespRequests();
  const found: string[][] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.push(bytes.subarray(at, at + pieceBytes));
    for (let request = reader.next(); request !== undefined; request = reader.next()) {
      found.push(request.map((word) => word.toString('latin1')));
    }
  }
  return found;
}

describe('requests', () => {
  it('come out as they went in, however the bytes arrive', () => {
    const word = fc.uint8Array({ maxLength: 40 });
    const requests = fc.array(fc.array(word, { minLength: 1, maxLength: RESP_ARGUMENTS_MAX }), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(requests, fc.integer({ min: 1, max: 64 }), (list, pieceBytes) => {
        const bytes = Buffer.concat(list.map((words) => encodeRequest(words)));
        const expected = list.map((words) => words.map((each) => Buffer.from(each).toString('latin1')));
        expect(requestsIn(bytes, pieceBytes)).toEqual(expected);
      }),
    );
  });

  it('may be typed as words on a line', () => {
    expect(requestsIn(Buffer.from('PING\r\nset  a b\n\n'), 3)).toEqual([['PING'], ['set', 'a', 'b'], []]);
  });

  it.each([
    ['more arguments than anybody needs', `*${RESP_ARGUMENTS_MAX + 1}\r\n`],
    ['a string longer than can be stored', `*1\r\n$${RESP_BULK_MAX_BYTES + 1}\r\n`],
    ['a negative length', '*1\r\n$-1\r\n'],
    ['something else than strings', '*1\r\n:1\r\n'],
    ['a string that does not end', '*1\r\n$1\r\nabc'],
    ['a line without an end', 'x'.repeat(2000)],
    ['a length that is no number', '*1\r\n$1e1\r\n'],
  ])('with %s are refused', (_, text) => {
    expect(() => requestsIn(Buffer.from(text), 4096)).toThrow(
      expect.objectContaining({ code: 'KV_PROTOCOL' }),
    );
  });

  it('that never become whole are refused before they take much memory', () => {
    const reader = new RespRequests();
    const argument = encodeRequest([Buffer.alloc(RESP_BULK_MAX_BYTES)]).subarray(4);
    reader.push(Buffer.from(`*${RESP_ARGUMENTS_MAX}\r\n`));
    reader.push(argument);
    reader.next();
    reader.push(argument);
    expect(() => reader.next()).toThrow('too long a request');
  });
});

describe('replies', () => {
  it('come out as they went in, byte by byte', () => {
    const bytes = Buffer.concat([
      respReply.ok,
      respReply.error('ERR two\r\nlines'),
      respReply.integer(-7),
      respReply.nil,
      respReply.bulk(Buffer.from('a\r\nb')),
    ]);
    const reader = new RespReplies();
    const found: unknown[] = [];
    for (const byte of bytes) {
      reader.push(Buffer.of(byte));
      const reply = reader.next();
      if (reply !== undefined) found.push(reply);
    }
    expect(found).toEqual([
      { type: 'status', text: 'OK' },
      { type: 'error', text: 'ERR two  lines' },
      { type: 'integer', value: -7 },
      { type: 'bulk', bytes: null },
      { type: 'bulk', bytes: Buffer.from('a\r\nb') },
    ]);
  });
});
