import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const SRC = new URL('../src/', import.meta.url);
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** It awaits what the caller injects; whoever calls it may do I/O. */
const ASYNCHRONOUS = 'module/load-modules.ts';
const SYNCHRONOUS = files.filter((name) => name !== ASYNCHRONOUS);

// A policy that reads a clock cannot be replayed, and one that needs Node cannot run in the lab's report.
it.each(files)('src/%s has no I/O, no clock and no randomness', (name) => {
  const text = readFileSync(new URL(name, SRC), 'utf8');
  expect(text).not.toMatch(/node:|process\.|Date\b|performance\.|Math\.random|setTimeout|setInterval/);
});

it.each(SYNCHRONOUS)('src/%s waits for nothing', (name) => {
  expect(readFileSync(new URL(name, SRC), 'utf8')).not.toMatch(/\bawait\b/);
});
