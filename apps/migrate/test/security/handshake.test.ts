import { once } from 'node:events';
import { createServer, type Server as TlsServer, type TlsOptions } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connectSecurely } from '../../src/io/tls-connect.ts';
import { type Credentials, PSK_IDENTITY, sharedOptions } from '../../src/io/tls-credentials.ts';
import type { SourceListener } from '../../src/io/source-listener.ts';
import { Authority, needOpenssl, newKey } from './authority.ts';
import { arriveAt, listen, opened, rawConnection, tlsOver } from './secure-pair.ts';

/** A source that is refused: what it is told, and what the listener says of it. */
async function refusal(listener: SourceListener, source: Credentials) {
  const there = arriveAt(listener, source).then(
    () => 'connected',
    (error: unknown) => error,
  );
  const arrival = await listener.next();
  let here: unknown = 'connected';
  try {
    opened(arrival);
  } catch (error) {
    here = error;
  }
  return { there: await there, here };
}

const refused = (words: string) =>
  expect.objectContaining({
    code: 'REFUSED',
    message: expect.stringContaining(words),
    hint: expect.stringMatching(/.{20}/),
  });

/** The listener is as good as new: the next source comes through. */
async function expectServes(listener: SourceListener, source: Credentials): Promise<void> {
  const [near, far] = await Promise.all([listener.next().then(opened), arriveAt(listener, source)]);
  await far.write([Uint8Array.of(42)]);
  const into = new Uint8Array(10);
  expect(await near.read(into)).toBe(1);
  await near.write([into.subarray(0, 1)]);
  expect(await far.read(into)).toBe(1);
  expect(into[0]).toBe(42);
}

describe('with certificates', () => {
  test('both sides show one', async (context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const listener = await listen(await authority.credentials('dest'));
    const source = await authority.credentials('source', { names: '' });
    await expect(expectServes(listener, source)).resolves.toBeUndefined();
  });

  test('a name that is not in --to, by --tls-name', async (context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const listener = await listen(await authority.credentials('dest', { names: 'DNS:dest.test' }));
    const source = await authority.credentials('source');
    expect(await refusal(listener, source)).toMatchObject({ there: refused('not for 127.0.0.1') });
    await expectServes(listener, { ...source, peerName: 'dest.test' });
    expect(await refusal(listener, { ...source, peerName: 'other.test' })).toMatchObject({
      there: refused('not for other.test'),
    });
  });

  test('a common name is no name', async (context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const listener = await listen(await authority.credentials('dest', { names: '' }));
    const source = await authority.credentials('source', { peerName: 'dest' });
    expect(await refusal(listener, source)).toMatchObject({ there: refused('subjectAltName') });
  });

  test('the destination asks for a name', async (context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const listener = await listen(await authority.credentials('dest', { peerName: 'source.test' }));
    const other = await authority.credentials('other', { names: 'DNS:other.test' });
    expect(await refusal(listener, other)).toEqual({
      there: refused('another name'),
      here: refused('other.test'),
    });
    const nameless = await authority.credentials('nameless', { names: '' });
    expect(await refusal(listener, nameless)).toMatchObject({ there: refused('another name') });
    await expectServes(listener, await authority.credentials('source', { names: 'DNS:source.test' }));
  });

  test.for([
    ['expired', { when: 'past' }],
    ['not valid yet', { when: 'future' }],
    ['not accepted', { extensions: ['extendedKeyUsage=serverAuth'] }],
  ] as const)('a source whose certificate is %s', async ([words, options], context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const listener = await listen(await authority.credentials('dest'));
    const source = await authority.credentials('bad', options);
    expect(await refusal(listener, source)).toEqual({ there: refused(words), here: refused(words) });
    await expectServes(listener, await authority.credentials('good'));
  });

  test.for([
    ['expired', { when: 'past' }],
    ['not yet valid', { when: 'future' }],
    ['purpose', { extensions: ['extendedKeyUsage=clientAuth'] }],
  ] as const)('a destination whose certificate is %s', async ([words, options], context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const listener = await listen(await authority.credentials('dest', options));
    const { there } = await refusal(listener, await authority.credentials('source'));
    expect(there).toEqual(refused(words));
  });

  test('of another authority, each to the other', async (context) => {
    await needOpenssl(context);
    const [authority, stranger] = [await Authority.make(), await Authority.make()];
    const dest = await authority.credentials('dest');
    const source = await stranger.credentials('source');
    const listener = await listen(dest);
    expect((await refusal(listener, source)).there).toEqual(refused('self-signed certificate'));
    // A source that believes the destination is not believed for it.
    expect(await refusal(listener, { ...source, ca: dest.ca })).toEqual({
      there: refused('not signed by an authority'),
      here: refused('not signed by an authority'),
    });
    await expectServes(listener, await authority.credentials('good'));
  });

  test('a source without one', async (context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const dest = await authority.credentials('dest');
    const listener = await listen(dest);
    const socket = tlsOver(await rawConnection(listener.endpoint.port), {
      ...sharedOptions(dest),
      cert: undefined,
      key: undefined,
      checkServerIdentity: () => undefined,
    });
    const arrival = await listener.next();
    expect(() => arrival.open()).toThrow(refused('no certificate was shown'));
    // The verdict, and nothing else.
    const [verdict] = await once(socket, 'data');
    expect([...verdict]).toEqual([2]);
    await once(socket, 'end');
    await expectServes(listener, await authority.credentials('good'));
  });
});

describe('with a key', () => {
  test('both sides have it', async () => {
    const key = newKey();
    await expect(expectServes(await listen(key), key)).resolves.toBeUndefined();
  });

  test('another one', async () => {
    const key = newKey();
    const listener = await listen(key);
    expect(await refusal(listener, newKey())).toEqual({
      there: refused('another key'),
      here: refused('another key'),
    });
    await expectServes(listener, key);
  });

  test('for something else', async () => {
    const key = newKey();
    const listener = await listen(key);
    tlsOver(await rawConnection(listener.endpoint.port), {
      ...sharedOptions(key),
      pskCallback: () => ({ psk: key.key, identity: 'something else' }),
    });
    const arrival = await listener.next();
    expect(() => arrival.open()).toThrow(refused('no secure connection'));
    await expectServes(listener, key);
  });

  test.for([
    ['TLS 1.2', { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-PSK-CHACHA20-POLY1305' }],
    ['another protocol', { ALPNProtocols: ['http/1.1'] }],
  ] as const)('%s is refused', async ([, options]) => {
    const key = newKey();
    const listener = await listen(key);
    tlsOver(await rawConnection(listener.endpoint.port), {
      ...sharedOptions(key),
      pskCallback: () => ({ psk: key.key, identity: PSK_IDENTITY }),
      ...options,
      ...('ALPNProtocols' in options ? { ALPNProtocols: [...options.ALPNProtocols] } : {}),
    });
    const arrival = await listener.next();
    expect(() => arrival.open()).toThrow(refused('no secure connection'));
    await expectServes(listener, key);
  });

  test('a destination that shows a certificate instead of the key is not believed, whoever has signed it', async (context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const { cert, key } = await authority.credentials('dest');
    const { port } = await impostor({ ...sharedOptions(newKey()), cert, key });
    const source = newKey();
    const connecting = connectSecurely({ host: '127.0.0.1', port }, source, new AbortController().signal);
    await expect(connecting).rejects.toEqual(expect.objectContaining({ code: 'REFUSED' }));
  });

  test('certificates and keys do not go together', async (context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const [certificates, key] = [await authority.credentials('both'), newKey()];
    expect(await refusal(await listen(key), certificates)).toEqual({
      there: refused('no secure connection'),
      here: refused('no secure connection'),
    });
    // This source only closes when it does not believe what it is shown.
    expect(await refusal(await listen(certificates), key)).toEqual({
      there: refused('no secure connection'),
      here: expect.objectContaining({ code: 'PEER_UNREACHABLE' }),
    });
  });
});

/** A TLS server that is no `migrate dest`. */
async function impostor(options: TlsOptions, say = ''): Promise<{ port: number; server: TlsServer }> {
  const server = createServer(options, (socket) => socket.on('error', () => undefined).end(say));
  server.on('tlsClientError', () => undefined);
  onTestFinished(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { port: address.port, server };
}

test.for([
  ['', 'PEER_UNREACHABLE', 'without a word'],
  ['SSH-2.0-OpenSSH', 'REFUSED', 'no `migrate dest`'],
] as const)('a server with the same key that says %j', async ([say, code, words]) => {
  const key = newKey();
  const { port } = await impostor({ ...sharedOptions(key), pskCallback: () => key.key }, say);
  const connecting = connectSecurely({ host: '127.0.0.1', port }, key, new AbortController().signal);
  await expect(connecting).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
});

test('a connection is of TLS 1.3, with forward secrecy', async () => {
  const key = newKey();
  const listener = await listen(key);
  const socket = tlsOver(await rawConnection(listener.endpoint.port), {
    ...sharedOptions(key),
    // Of other groups, not every Node can tell.
    ecdhCurve: 'X25519',
    pskCallback: () => ({ psk: key.key, identity: PSK_IDENTITY }),
  });
  await once(socket, 'secureConnect');
  expect(socket.getProtocol()).toBe('TLSv1.3');
  expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH', name: 'X25519' });
});
