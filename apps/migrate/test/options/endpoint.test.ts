import { expect, test } from 'vitest';
import { formatEndpoint, parseEndpoint, requireLoopback } from '../../src/options/endpoint.ts';

test.for([
  ['127.0.0.1:7000', '127.0.0.1', 7000],
  ['localhost:0', 'localhost', 0],
  [':7000', '127.0.0.1', 7000],
  ['[::1]:7000', '::1', 7000],
  ['example.org:65535', 'example.org', 65_535],
] as const)('%s', ([text, host, port]) => {
  const endpoint = parseEndpoint(text, '--to');
  expect(endpoint).toEqual({ host, port });
  expect(formatEndpoint(endpoint)).toBe(text.startsWith(':') ? `127.0.0.1${text}` : text);
});

test.for([
  '',
  '7000',
  'host',
  'host:',
  'host:65536',
  'host:-1',
  'host:7000x',
  '::1:7000',
  'host:0x10',
  'host:999999',
])('%j is no endpoint, and the flag is named', (text) => {
  expect(() => parseEndpoint(text, '--listen')).toThrow(
    expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('--listen') }),
  );
});

test.for(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('%s is this machine', (host) => {
  expect(() => requireLoopback({ host, port: 1 }, false)).not.toThrow();
});

test.for([
  '0.0.0.0',
  '::',
  '192.0.2.1',
  '127.0.0.1.example.org',
  '127.example.org',
  'localhost.example.org',
  'example.org',
])('%s is not, and is refused unless it is insisted on', (host) => {
  expect(() => requireLoopback({ host, port: 1 }, false)).toThrow(
    expect.objectContaining({ code: 'REFUSED', hint: expect.stringContaining('--insecure') }),
  );
  expect(() => requireLoopback({ host, port: 1 }, true)).not.toThrow();
});
