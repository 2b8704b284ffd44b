// Writes test/migration/vectors from test/migration/migration-vectors.ts: node scripts/write-migration-vectors.mjs
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importSource } from './bundle.mjs';

const directory = fileURLToPath(new URL('../test/migration/vectors', import.meta.url));
const { migrationVectors } = await importSource('test/migration/migration-vectors.ts');
const { formatHexText } = await importSource('test/hex-text.ts');

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
for (const { name, from, expect, bytes } of migrationVectors) {
  writeFileSync(`${directory}/${name}.hex`, `; from: ${from}\n; expect: ${expect}\n${formatHexText(bytes)}`);
}
console.log(`${migrationVectors.length} vectors in ${directory}`);
