import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startDest, startSource } from './child.ts';
import { imagePlace } from './folder.ts';
import { hostilePeers, validStream } from './hostile-peers.ts';
import { needUserfaultfd } from './userfaultfd.ts';

/** Sends these bytes and closes; resolves when the other side has closed, too. */
async function send(port: number, bytes: Uint8Array): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  // A destination may have enough before all is sent.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.resume();
  socket.end(bytes);
  await closed;
}

/** The most physical memory that a process has had, in bytes. */
async function peakRssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

/** A frame may be 8 MiB and a read 1 MiB; the rest is the garbage of a young heap. */
const RSS_GROWTH_MAX_BYTES = 96 * 2 ** 20;

test.for(['memory', 'file'])(
  'a destination into %s survives every hostile peer and serves the next',
  async (kind, context) => {
    needUserfaultfd(context);
    const { image, names } = await imagePlace();
    const dest = await startDest('--into', kind === 'file' ? `file:${image}` : kind);
    const before = await peakRssBytes(dest.child.pid);
    for (const { name, bytes, exitCode } of hostilePeers) {
      // A file may have any size that the format allows; only memory is refused before it is used.
      const code = kind === 'file' && exitCode === 16 ? 11 : exitCode;
      const from = dest.child.lines.length;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const [summary] = await Promise.all([dest.child.line('summary', {}, from), send(dest.port, bytes)]);
      expect({ name, ...summary }).toMatchObject({ name, verified: false, exitCode: code });
      // oxlint-disable-next-line no-await-in-loop -- as above
      expect(await names()).toEqual([]);
    }
    expect((await peakRssBytes(dest.child.pid)) - before).toBeLessThan(RSS_GROWTH_MAX_BYTES);

    const from = dest.child.lines.length;
    expect(await startSource(dest.to, 'counter,size=2MiB').exit).toMatchObject({
      code: 0,
      summary: { verified: true },
    });
    expect(await dest.child.line('summary', {}, from)).toMatchObject({ outcome: 'done', verified: true });
    dest.child.kill('SIGTERM');
    expect((await dest.child.exit).code).toBe(143);
  },
);

test.for(
  hostilePeers.filter(({ name }) =>
    ['garbage', 'a stream cut in a page', 'a HELLO of another version'].includes(name),
  ),
)('with --once the exit code tells of $name', async ({ bytes, exitCode }) => {
  const dest = await startDest('--once');
  await Promise.all([send(dest.port, bytes), dest.child.exit]);
  expect(await dest.child.exit).toMatchObject({ code: exitCode, summary: { exitCode, verified: false } });
});

test('a peer that says nothing is lost after --idle-s', async () => {
  const dest = await startDest('--once', '--idle-s', '0.2');
  const socket = connect({ host: '127.0.0.1', port: dest.port });
  onTestFinished(() => {
    socket.destroy();
  });
  socket.on('error', () => undefined).resume();
  expect(await dest.child.exit).toMatchObject({ code: 11, summary: { outcome: 'peer-lost' } });
});

test('an image of a guest without an oracle is kept, and not called verified', async () => {
  const { image, names } = await imagePlace();
  const dest = await startDest('--once', '--into', `file:${image}`);
  await Promise.all([send(dest.port, validStream()), dest.child.exit]);
  expect(await dest.child.exit).toMatchObject({ code: 0, summary: { outcome: 'done', verified: false } });
  expect(await names()).toEqual(['image.sfp']);
});
