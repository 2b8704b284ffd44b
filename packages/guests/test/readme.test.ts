import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const text = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const readme = text('README.md');

test.for([
  { file: 'core', prefix: 'CORE', atLeast: 5 },
  { file: 'handoff', prefix: 'HANDOFF', atLeast: 2 },
  { file: 'process', prefix: 'PROCESS', atLeast: 25 },
  { file: 'qemu', prefix: 'QEMU', atLeast: 20 },
])('the README names every $prefix code', ({ file, prefix, atLeast }) => {
  const codes = new Set(text(`src/${file}/error.ts`).match(new RegExp(`\\b${prefix}_[A-Z0-9_]+\\b`, 'g')));
  expect(codes.size).toBeGreaterThanOrEqual(atLeast);
  for (const code of codes) expect(readme).toContain(`\`${code}\``);
});
