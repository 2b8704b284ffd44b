import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { mainFile } from './child.ts';

test('a command does not outlive whoever started it with a channel', async () => {
  const args = ['dest', '--listen', '127.0.0.1:0', '--json'];
  const child = fork(mainFile, args, { stdio: ['ignore', 'pipe', 'ignore', 'ipc'], execArgv: [] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
  await once(reader, 'line');
  const exited = once(child, 'exit');
  child.disconnect();
  expect(await exited).toEqual([129, null]);
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({ type: 'summary', outcome: 'interrupted' });
});
