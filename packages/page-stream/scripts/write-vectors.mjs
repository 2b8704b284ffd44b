// Writes test/vectors from test/vector-list.ts: node scripts/write-vectors.mjs
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importSource } from './bundle.mjs';

const directory = fileURLToPath(new URL('../test/vectors', import.meta.url));
const { vectors } = await importSource('test/vector-list.ts');
const { formatVector } = await importSource('test/vector-file.ts');

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
for (const vector of vectors) writeFileSync(`${directory}/${vector.name}.hex`, formatVector(vector));
console.log(`${vectors.length} vectors in ${directory}`);
