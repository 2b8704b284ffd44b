// Writes test/session/vectors from test/session/session-vectors.ts: node scripts/write-session-vectors.mjs
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importSource } from './bundle.mjs';

const directory = fileURLToPath(new URL('../test/session/vectors', import.meta.url));
const { sessionVectors } = await importSource('test/session/session-vectors.ts');
const { formatHexText } = await importSource('test/hex-text.ts');

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
for (const { name, from, expect, bytes } of sessionVectors) {
  writeFileSync(`${directory}/${name}.hex`, `; from: ${from}\n; expect: ${expect}\n${formatHexText(bytes)}`);
}
console.log(`${sessionVectors.length} vectors in ${directory}`);
