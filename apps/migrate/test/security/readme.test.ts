import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { chooseCredentials } from '../../src/options/tls-options.ts';
import { makeFolder } from '../e2e/folder.ts';
import { needOpenssl } from './authority.ts';
import { arriveAt, listen, opened } from './secure-pair.ts';

const run = promisify(execFile);

test('the certificates of the README are good for both sides', async (context) => {
  await needOpenssl(context);
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const block = /```sh\n([^`]*openssl req[^`]*)```/.exec(readme)?.[1];
  const cwd = await makeFolder();
  await run('sh', ['-euc', block!], { cwd });
  const filesOf = (host: string) => ({
    tlsCert: path.join(cwd, `${host}.crt`),
    tlsKey: path.join(cwd, `${host}.key`),
    tlsCa: path.join(cwd, 'ca.crt'),
  });
  const far = { host: 'dest.example.org', port: 7000 };
  const dest = await chooseCredentials(far, filesOf('dest.example.org'));
  const source = await chooseCredentials(far, { ...filesOf('source.example.org'), tlsName: far.host });
  const listener = await listen(dest);
  const [near, transport] = await Promise.all([listener.next().then(opened), arriveAt(listener, source!)]);
  await transport.write([Uint8Array.of(1)]);
  expect(await near.read(new Uint8Array(1))).toBe(1);
  expect((await stat(path.join(cwd, 'ca.key'))).mode & 0o077).toBe(0);
});
