import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { storedChain } from './chain-files.ts';
import { inFolder } from './image-files.ts';
import { runCommand } from './run-command.ts';

test('no core of an image that cannot become one leaves a file', () =>
  inFolder(async (folder) => {
    const { paths } = await storedChain(folder);
    const before = await readdir(folder);
    const out = path.join(folder, 'core.1');
    const increment = await runCommand(['core', '--from', paths[1], '--out', out]);
    expect(increment).toMatchObject({ exitCode: 15, stderr: expect.stringContaining('migrate flatten') });
    expect((await runCommand(['core', '--from', paths[0], '--out', out])).exitCode).toBe(15);
    expect((await runCommand(['core', '--from', `${out}.not`, '--out', out])).exitCode).toBe(16);
    expect(await readdir(folder)).toEqual(before);
  }));
