import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { probe } from '@stillframe/uffd';
import { compilePeers } from '../src/compile.ts';
import { oursWith } from '../src/ours.ts';
import { peersIn } from '../src/peers.ts';

/** What global-setup.ts bundled. */
export const oursProgram = fileURLToPath(new URL('../node_modules/.cache/ours/ours.js', import.meta.url));

export const migrateProgram = fileURLToPath(
  new URL('../node_modules/.cache/ours/migrate.js', import.meta.url),
);

/** Both sides, compiled with every warning an error. */
export async function bothSides() {
  const folder = await compilePeers(STRICT);
  return { peers: peersIn(folder), ours: oursWith(path.join(folder, 'addon.node'), oursProgram) };
}

const STRICT = ['-Wpedantic', '-Wshadow', '-Wconversion', '-Werror'];

/** Why nothing can be measured here, printed; undefined when it can. */
export function whyNot(): string | undefined {
  const tier = probe().tiers.find(({ name }) => name === 'sync-wp');
  if (tier?.available === true) return undefined;
  const reason = `no write protection by userfaultfd here: ${tier?.reason}`;
  console.warn(`skipped: ${reason}`);
  return reason;
}
