import { expect, test } from 'vitest';
import { parseRequest } from '../../src/control/protocol.ts';

test.for([
  { command: 'status' },
  { command: 'pause' },
  { command: 'resume' },
  { command: 'cancel' },
  { command: 'set-limiter', limiter: 'none' },
  { command: 'set-limiter', limiter: { name: 'token-bucket', rate: '1MiB/s' }, directory: '/tmp' },
])('%j', (request) => {
  expect(parseRequest(JSON.stringify(request))).toEqual(request);
});

test.for<[string, string]>([
  ['', 'no line of JSON'],
  ['status', 'no line of JSON'],
  ['null', 'no command'],
  ['[]', 'no command'],
  ['{"command":5}', 'no command'],
  ['{"command":"pawse"}', 'pawse'],
  ['{"command":"toString"}', 'toString'],
  ['{"command":"__proto__"}', '__proto__'],
  ['{"command":"status","verbose":true}', 'no key verbose'],
  ['{"command":"set-limiter"}', 'limiter'],
  ['{"command":"set-limiter","limiter":5}', 'limiter'],
  ['{"command":"set-limiter","limiter":{"rate":5}}', 'limiter'],
  ['{"command":"set-limiter","limitr":"none","limiter":"none"}', 'limitr'],
])('%s: the message has %s', ([line, words]) => {
  expect(() => parseRequest(line)).toThrow(
    expect.objectContaining({
      code: 'USAGE',
      message: expect.stringContaining(words),
      hint: expect.stringMatching(/.+/),
    }),
  );
});

test('the nearest command is named', () => {
  expect(() => parseRequest('{"command":"pawse"}')).toThrow(
    expect.objectContaining({ hint: expect.stringContaining('Did you mean pause?') }),
  );
});
