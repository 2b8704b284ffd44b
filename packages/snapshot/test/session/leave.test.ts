/* oxlint-disable no-await-in-loop -- a connection does one thing after the other */
import { expect, it } from 'vitest';
import { openSession, SessionHost, type Transport } from '../../src/index.ts';
import { simulatedConnection } from '../../src/simulated/index.ts';
import { smallGuest } from '../fixture.ts';

const BYTES = 20_000;

/** A session over one connection that holds less than is written. */
async function begun() {
  const { clock } = smallGuest();
  const heard: unknown[] = [];
  const host = new SessionHost({ clock, onEvent: (event) => heard.push(event) });
  const { source, destination, sever } = simulatedConnection({ bufferBytes: 4096 });
  const admission = host.admit(destination);
  const opening = openSession({ connect: async () => source, clock });
  const admitted = await admission;
  if (admitted.kind !== 'session') throw new Error('it is no session');
  const accepted = admitted.accept();
  const session = await opening;
  return { clock, host, heard, sever, session, accepted };
}

async function readAll(transport: Transport): Promise<number> {
  const into = new Uint8Array(1000);
  for (let byteCount = 0; ; ) {
    const came = await transport.read(into);
    if (came === 0) return byteCount;
    byteCount += came;
  }
}

it('a source that gives up is not waited for, also in the middle of what it writes', async () => {
  const { host, heard, session, accepted } = await begun();
  const writing = session.write([new Uint8Array(BYTES)]);
  writing.catch(() => undefined);
  const [byteCount] = await Promise.all([
    readAll(accepted).then(async (count) => {
      await accepted.destroy();
      return count;
    }),
    session.destroy(),
  ]);
  expect(byteCount).toBeLessThanOrEqual(BYTES);
  await host.settled();
  expect(heard).toEqual([]);
  expect(host.size).toBe(0);
});

it('a source that gives up does not wait for a destination that does not read', async () => {
  const { clock, session } = await begun();
  const writing = session.write([new Uint8Array(BYTES)]);
  const startNs = clock.nowNs();
  await session.destroy();
  await expect(writing).rejects.toThrow('closed');
  expect(clock.nowNs() - startNs).toBeLessThanOrEqual(3e9);
});

it('a source that gives up while there is no connection makes no other one', async () => {
  const { session, sever } = await begun();
  sever();
  await session.destroy();
  expect(session.link().reconnects).toBe(0);
});
