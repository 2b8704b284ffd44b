import { MigrationDecoder } from '@stillframe/page-stream';
import type { Transport } from '@stillframe/snapshot';
import { simulatedClock } from '@stillframe/snapshot/simulated';
import { expect, it } from 'vitest';
import { migrationTimeouts } from '../src/link/timeouts.ts';
import { MigrationLink } from '../src/link/migration-link.ts';

/** The other side still sends, `chunks` times, and closes then. */
function stage(chunks: number) {
  const did: string[] = [];
  const transport: Transport = {
    async read(into) {
      did.push('read');
      return did.filter((each) => each === 'read').length > chunks ? 0 : into.length;
    },
    async write() {
      did.push('write');
    },
    async end() {
      did.push('end');
    },
    async destroy() {
      did.push('destroy');
    },
  };
  const clock = simulatedClock({ autoAdvance: true });
  const decoder = new MigrationDecoder({ from: 'source' });
  return {
    did,
    link: new MigrationLink({ transport, role: 'destination', decoder, clock, timeouts: migrationTimeouts }),
  };
}

it('reads what still comes after a last word, or the connection would be reset and the word lost', async () => {
  const { did, link } = stage(2);
  await link.close([new Uint8Array(8)]);
  expect(did).toEqual(['write', 'end', 'read', 'read', 'read']);
});

it('reads nothing where it has nothing more to say', async () => {
  const { did, link } = stage(2);
  await link.close();
  expect(did).toEqual(['end']);
});
