import { mkdir, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { chooseCapture } from '../../src/options/capture-options.ts';
import { makeLimiter } from '../../src/options/limiter-choice.ts';
import { makeFolder } from '../e2e/folder.ts';

const MODULE = (name: string) => `
export default {
  name: '${name}',
  initial: () => null,
  step: (state, { nowNs, pagesLeft }) => ({ state, grant: { pages: pagesLeft, notBeforeNs: nowNs, wakeOnFault: false } }),
};
`;

test('a module is found from the config file that names it, wherever the command runs', async () => {
  const folder = await makeFolder();
  await mkdir(path.join(folder, 'policies'));
  await writeFile(path.join(folder, 'policies', 'mine.mjs'), MODULE('mine'));
  const config = path.join(folder, 'policy.yaml');
  await writeFile(config, 'limiter: { name: module, path: ./policies/mine.mjs }');
  const { limiter, setting, directory } = await chooseCapture({ config });
  expect(limiter.name).toBe('mine');
  expect(setting).toEqual({ name: 'module', path: './policies/mine.mjs' });
  expect(directory).toBe(folder);
});

test('a module that has changed is loaded anew', async () => {
  const folder = await makeFolder();
  const file = path.join(folder, 'mine.mjs');
  await writeFile(file, MODULE('first'));
  const setting = { name: 'module', path: 'mine.mjs' };
  expect((await makeLimiter(setting, folder)).limiter.name).toBe('first');
  await writeFile(file, MODULE('second'));
  await utimes(file, 1, 1);
  expect((await makeLimiter(setting, folder)).limiter.name).toBe('second');
});

test.for<[string, string | undefined, string]>([
  ['is not there', undefined, 'LIMITER_MODULE_LOAD'],
  ['is no JavaScript', 'export default {', 'LIMITER_MODULE_LOAD'],
  ['exports no limiter', 'export default 5', 'LIMITER_MODULE_INVALID'],
])('a module that %s', async ([, text, code]) => {
  const folder = await makeFolder();
  if (text !== undefined) await writeFile(path.join(folder, 'mine.mjs'), text);
  await expect(makeLimiter('module,path=mine.mjs', folder)).rejects.toMatchObject({ code });
  const config = path.join(folder, 'policy.yaml');
  await writeFile(config, 'limiter: { name: module, path: mine.mjs }');
  await expect(chooseCapture({ config })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining(config),
  });
});

test('a limiter of the command line is found from where the command runs', async () => {
  await expect(chooseCapture({ limiter: 'module,path=./nowhere.mjs' })).rejects.toMatchObject({
    code: 'LIMITER_MODULE_LOAD',
  });
  expect((await chooseCapture({ limiter: 'none' })).directory).toBe(process.cwd());
});
