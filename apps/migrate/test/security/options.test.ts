import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { writeKeyFile } from '../../src/io/psk-file.ts';
import { chooseCredentials, type TlsFlags } from '../../src/options/tls-options.ts';
import { makeFolder } from '../e2e/folder.ts';
import { Authority, needOpenssl } from './authority.ts';

const HERE = { host: '127.0.0.1', port: 0 };
const FAR = { host: '192.0.2.1', port: 7000 };

const failing = (code: string, words: string) =>
  expect.objectContaining({
    code,
    message: expect.stringContaining(words),
    hint: expect.stringMatching(/.{10}/),
  });

const three = { tlsCert: 'a', tlsKey: 'b', tlsCa: 'c' };
const contradictions: readonly (readonly [TlsFlags, string])[] = [
  [{ tlsCert: 'a' }, 'go together'],
  [{ tlsCert: 'a', tlsKey: 'b' }, 'go together'],
  [{ tlsCa: 'c' }, 'go together'],
  [{ ...three, pskFile: 'd' }, 'two ways'],
  [{ tlsCa: 'c', pskFile: 'd' }, 'two ways'],
  [{ ...three, insecure: true }, '--insecure'],
  [{ pskFile: 'd', insecure: true }, '--insecure'],
  [{ tlsName: 'x' }, '--tls-name'],
  [{ pskFile: 'd', tlsName: 'x' }, '--tls-name'],
];

test.for(contradictions)('%j', async ([flags, words]) => {
  await expect(chooseCredentials(HERE, flags)).rejects.toEqual(failing('USAGE', words));
});

test('plain text stays on this machine, unless it is insisted on', async () => {
  expect(await chooseCredentials(HERE, {})).toBeUndefined();
  expect(await chooseCredentials(FAR, { insecure: true })).toBeUndefined();
  await expect(chooseCredentials(FAR, {})).rejects.toEqual(failing('REFUSED', '192.0.2.1'));
});

test('with a key it may go anywhere', async () => {
  const pskFile = path.join(await makeFolder(), 'key');
  await writeKeyFile(pskFile);
  expect(await chooseCredentials(FAR, { pskFile })).toMatchObject({ kind: 'psk' });
});

test('with certificates, too', async (context) => {
  await needOpenssl(context);
  const authority = await Authority.make();
  const { cert, key } = await authority.files('dest');
  const flags = { tlsCert: cert, tlsKey: key, tlsCa: authority.ca };
  const chosen = await chooseCredentials(FAR, flags);
  expect(chosen).toEqual({
    kind: 'certificates',
    cert: await readFile(cert),
    key: await readFile(key),
    ca: await readFile(authority.ca),
  });
  expect(await chooseCredentials(FAR, { ...flags, tlsName: 'x.test' })).toEqual({
    ...chosen,
    peerName: 'x.test',
  });
});

test('files that are not what they should be', async (context) => {
  await needOpenssl(context);
  const authority = await Authority.make();
  const [{ cert, key }, other] = [await authority.files('dest'), await authority.files('other')];
  const empty = path.join(await makeFolder(), 'empty');
  await writeFile(empty, '', { mode: 0o600 });
  const good = { tlsCert: cert, tlsKey: key, tlsCa: authority.ca };
  await expect(chooseCredentials(HERE, { ...good, tlsKey: other.key })).rejects.toEqual(
    failing('FILE', 'do not work'),
  );
  await expect(chooseCredentials(HERE, { ...good, tlsKey: empty })).rejects.toEqual(
    failing('FILE', 'do not work'),
  );
  await expect(chooseCredentials(HERE, { ...good, tlsKey: cert })).rejects.toEqual(
    failing('REFUSED', '--tls-key'),
  );
  await expect(chooseCredentials(HERE, { ...good, tlsCert: empty })).rejects.toEqual(
    failing('FILE', '--tls-cert'),
  );
  // An empty list of authorities would be no mistake to OpenSSL.
  await expect(chooseCredentials(HERE, { ...good, tlsCa: empty })).rejects.toEqual(
    failing('FILE', '--tls-ca'),
  );
  await expect(chooseCredentials(HERE, { ...good, tlsCa: '/nowhere' })).rejects.toEqual(
    failing('FILE', '/nowhere'),
  );
});

test.for(['past', 'future'] as const)(
  'a certificate of the %s is told before anything starts',
  async (when, context) => {
    await needOpenssl(context);
    const authority = await Authority.make();
    const { cert, key } = await authority.files('dest', { when });
    const flags = { tlsCert: cert, tlsKey: key, tlsCa: authority.ca };
    await expect(chooseCredentials(HERE, flags)).rejects.toEqual(failing('REFUSED', 'not now'));
  },
);
