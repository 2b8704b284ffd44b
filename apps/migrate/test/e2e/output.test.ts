import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { mainFile } from './child.ts';

test.for([
  { args: ['limiters'], what: 'after the work' },
  { args: ['dest', '--listen', '127.0.0.1:0', '--json'], what: 'while it goes on' },
])('stdout that cannot be written is an error of its own, $what', async ({ args }) => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [mainFile, ...args], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, 'exit')]);
  expect(said).toContain('error FILE: stdout cannot be written: ENOSPC');
  expect(said).not.toContain('at ');
  expect(code).toBe(16);
});

test('a reader that has had enough ends nothing', async () => {
  const child = spawn(process.execPath, [mainFile, 'limiters'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect({ said, code }).toEqual({ said: '', code: 0 });
});
