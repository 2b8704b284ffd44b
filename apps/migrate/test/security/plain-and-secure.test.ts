import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { writeKeyFile } from '../../src/io/psk-file.ts';
import { migrate, startDest, startSource } from '../e2e/child.ts';
import { imagePlace, makeFolder } from '../e2e/folder.ts';
import { expectGuestGoesOn } from '../e2e/survive.ts';
import { needUserfaultfd } from '../e2e/userfaultfd.ts';
import { Authority, needOpenssl } from './authority.ts';

const WORKLOAD = 'counter,size=2MiB';

async function keyFile(): Promise<string> {
  const file = path.join(await makeFolder(), 'migrate.key');
  await writeKeyFile(file);
  return file;
}

async function certificateFlags(authority: Authority, name: string, names?: string): Promise<string[]> {
  const { cert, key } = await authority.files(name, names === undefined ? {} : { names });
  return ['--tls-cert', cert, '--tls-key', key, '--tls-ca', authority.ca];
}

test('with a key: the picture arrives, and after those that are refused', async (context) => {
  needUserfaultfd(context);
  const file = await keyFile();
  const { image, names } = await imagePlace();
  const dest = await startDest('--psk-file', file, '--into', `file:${image}`);

  // A connection that never says a word stays open all the time.
  const silent = connect(dest.port, '127.0.0.1');
  silent.on('error', () => undefined);
  onTestFinished(() => void silent.destroy());

  const other = await startSource(dest.to, WORKLOAD, '--psk-file', await keyFile()).exit;
  expect(other).toMatchObject({ code: 15, summary: { outcome: 'refused', verified: false } });
  expect(other.stderr).toMatch(/error REFUSED: .*another key\nhint: .*--psk-file/);
  expectGuestGoesOn(other);
  expect(await dest.child.line('summary')).toMatchObject({ outcome: 'failed', exitCode: 15 });

  const from = dest.child.lines.length;
  const plain = await startSource(dest.to, WORKLOAD).exit;
  expect(plain).toMatchObject({ code: 15, summary: { outcome: 'refused', verified: false } });
  expect(plain.stderr).toMatch(/error REFUSED: .*speaks TLS[^]*hint: .*--psk-file/);
  expectGuestGoesOn(plain);
  expect(await dest.child.line('summary', {}, from)).toMatchObject({ outcome: 'failed', exitCode: 15 });
  expect(await names()).toEqual([]);

  const good = await startSource(dest.to, WORKLOAD, '--psk-file', file).exit;
  expect(good).toMatchObject({ code: 0, summary: { outcome: 'done', verified: true } });
  expect(await names()).toEqual(['image.sfp']);
  dest.child.kill('SIGTERM');
  expect((await dest.child.exit).code).toBe(143);
});

test('with certificates: the picture arrives', async (context) => {
  needUserfaultfd(context);
  await needOpenssl(context);
  const authority = await Authority.make();
  const dest = await startDest('--once', ...(await certificateFlags(authority, 'dest')));
  const source = await startSource(dest.to, WORKLOAD, ...(await certificateFlags(authority, 'source'))).exit;
  expect(source).toMatchObject({ code: 0, summary: { verified: true } });
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { verified: true } });
});

test.for([
  ['another authority', async () => certificateFlags(await Authority.make(), 'source')],
  [
    'another name',
    async (authority: Authority) => [
      ...(await certificateFlags(authority, 'source')),
      '--tls-name',
      'x.test',
    ],
  ],
] as const)('with certificates, %s: refused, and the workload goes on', async ([, flags], context) => {
  await needOpenssl(context);
  const authority = await Authority.make();
  const dest = await startDest(...(await certificateFlags(authority, 'dest')));
  const source = await startSource(dest.to, WORKLOAD, ...(await flags(authority))).exit;
  expect(source).toMatchObject({ code: 15, summary: { outcome: 'refused', verified: false } });
  expect(source.stderr).toMatch(/error REFUSED: .+\nhint: .+/);
  expectGuestGoesOn(source);
});

test('with --once the exit code tells of a source that is refused', async (context) => {
  await needOpenssl(context);
  const authority = await Authority.make();
  const dest = await startDest(
    '--once',
    ...(await certificateFlags(authority, 'dest', 'IP:127.0.0.1')),
    '--tls-name',
    'source.test',
  );
  const source = startSource(
    dest.to,
    WORKLOAD,
    ...(await certificateFlags(authority, 'source', 'DNS:other.test')),
  );
  expect(await dest.child.exit).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
  expect(await source.exit).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
});

test('a secure source and a plain destination: both say so', async () => {
  const dest = await startDest('--once');
  const source = await startSource(dest.to, WORKLOAD, '--psk-file', await keyFile()).exit;
  expect(source).toMatchObject({ code: 15, summary: { outcome: 'refused' } });
  expect(source.stderr).toMatch(/error REFUSED: .*does not speak TLS\nhint: .*--psk-file/);
  expectGuestGoesOn(source);
  const { code, stderr } = await dest.child.exit;
  expect({ code, stderr }).toEqual({
    code: 15,
    stderr: expect.stringMatching(/error REFUSED: .*speaks TLS[^]*hint: .*--psk-file/),
  });
});

test('with a key a destination may listen for other machines', async () => {
  const dest = migrate('dest', '--listen', '0.0.0.0:0', '--psk-file', await keyFile());
  expect(await dest.line('listening')).toMatchObject({ host: '0.0.0.0' });
});

test('a key that others can read is used by neither side', async () => {
  const file = path.join(await makeFolder(), 'migrate.key');
  await writeFile(file, 'ab'.repeat(40), { mode: 0o644 });
  for (const command of [
    ['dest', '--listen', '127.0.0.1:0'],
    ['source', '--to', '127.0.0.1:7000', '--workload', WORKLOAD],
  ]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { code, stderr } = await migrate(...command, '--psk-file', file).exit;
    expect({ code, stderr }).toEqual({ code: 15, stderr: expect.stringContaining('chmod 600') });
  }
});
