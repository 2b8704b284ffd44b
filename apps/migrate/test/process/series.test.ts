import path from 'node:path';
import { expect, test } from 'vitest';
import { migrate } from '../e2e/child.ts';
import { imagePlace, makeFolder } from '../e2e/folder.ts';
import { conditionOf } from './condition.ts';
import { CoreFile } from './core-file.ts';
import { expectGoesOn } from './live.ts';
import { needProcesses } from './needs.ts';
import { judgeStamps } from './stamp-oracle.ts';
import { startTarget } from './target.ts';

test('a series of a process: each image is one of its moments, and it goes on', async (context) => {
  needProcesses(context);
  const target = await startTarget('writers', { threads: 3, pages: 64, pauseUs: 200 });
  await target.warm();
  const before = await conditionOf(target.pid);
  const { image, names } = await imagePlace();
  const how = ['--compress', 'lz4', '--every', '50ms', '--count', '3'];
  const series = await migrate('snapshot', '--out', image, '--pid', String(target.pid), ...how).exit;
  expect(series).toMatchObject({
    code: 0,
    summary: {
      path: `${image}.2`,
      images: [{ isIncrement: false }, { isIncrement: true }, { isIncrement: true }],
    },
  });
  expect((await names()).toSorted()).toEqual(['image.sfp', 'image.sfp.1', 'image.sfp.2']);
  await expectGoesOn(target, before);
  const folder = await makeFolder();
  const judged = await Promise.all(
    [image, `${image}.1`, `${image}.2`].map(async (each, number) => {
      const full = path.join(folder, `full.${number}`);
      const core = path.join(folder, `core.${number}`);
      expect(await migrate('flatten', each, '--out', full).exit).toMatchObject({ code: 0 });
      expect(await migrate('core', '--from', full, '--out', core).exit).toMatchObject({ code: 0 });
      return judgeStamps(new CoreFile(core), target.ready.memory, 'prefix');
    }),
  );
  expect(judged.map(({ wrong }) => wrong)).toEqual([[], [], []]);
  const [first, second, third] = judged.map(({ published }) => Math.max(...published));
  expect(first!).toBeLessThan(second!);
  expect(second!).toBeLessThan(third!);
});
