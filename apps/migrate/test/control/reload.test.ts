import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { reloadOnHangUp } from '../../src/control/reload.ts';
import { Steering } from '../../src/control/steering.ts';
import { chooseCapture } from '../../src/options/capture-options.ts';
import { makeFolder } from '../e2e/folder.ts';
import { keepingContext, type Line } from '../read-side/run-command.ts';

async function reloading(text: string, isLimiterByFlag = false) {
  const configPath = path.join(await makeFolder(), 'policy.yaml');
  await writeFile(configPath, text);
  const { context, written } = keepingContext();
  const report = context.report(true);
  const capture = await chooseCapture({ config: configPath });
  const steering = new Steering(capture, report);
  let hangUp: (() => void) | undefined;
  const catchHangUp = (wanted: () => void) => {
    hangUp = wanted;
    return () => {
      hangUp = undefined;
    };
  };
  const listening = reloadOnHangUp({
    context: { catchHangUp },
    report,
    steering,
    configPath,
    capture,
    isLimiterByFlag,
  });
  return {
    steering,
    configPath,
    written,
    hangUp: () => hangUp?.(),
    /** Changes the file, hangs up, and waits until that is over. */
    change: async (changed: string): Promise<Line[]> => {
      await writeFile(configPath, changed);
      hangUp?.();
      await listening[Symbol.asyncDispose]();
      return written.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line): Line => JSON.parse(line));
    },
  };
}

test('the limiter of the file is taken', async () => {
  const { steering, change } = await reloading('limiter: none');
  expect(await change('limiter: { name: token-bucket, rate: 1MiB/s }')).toEqual([
    {
      type: 'limiter-set',
      by: 'reload',
      limiter: 'token-bucket',
      setting: { name: 'token-bucket', rate: '1MiB/s' },
    },
  ]);
  expect(steering.limiter.name).toBe('token-bucket');
});

test('no limiter in the file is the default one', async () => {
  const { steering, change } = await reloading('limiter: token-bucket,rate=1MiB/s');
  const { limiter } = await chooseCapture({});
  await change('{}');
  expect(steering.limiter.name).toBe(limiter.name);
});

test('the same limiter is left in peace', async () => {
  const { steering, change, written } = await reloading('limiter: token-bucket,rate=1MiB/s');
  const { limiter } = steering;
  expect(await change('# changed\nlimiter: token-bucket,rate=1MiB/s')).toEqual([]);
  expect(steering.limiter).toBe(limiter);
  expect(written.stderr).toContain('the same limiter as before');
});

test('--limiter goes before the file', async () => {
  const { steering, change, written } = await reloading('limiter: none', true);
  expect(await change('limiter: token-bucket,rate=1MiB/s')).toEqual([]);
  expect(steering.limiter.name).toBe('none');
  expect(written.stderr).toContain('--limiter');
});

test.for<[string, string]>([
  ['limiter: token-bukket', 'token-bukket'],
  ['limitr: none', 'limitr'],
  ['limiter: [', 'neither YAML nor JSON'],
  ['preImages: { maxBytes: -1 }', 'maxBytes'],
])('%s changes nothing and says why', async ([text, words]) => {
  const { steering, change, written } = await reloading('limiter: none');
  expect(await change(text)).toMatchObject([{ type: 'warning', message: expect.stringContaining(words) }]);
  expect(steering.limiter.name).toBe('none');
  expect(written.stderr).toContain('nothing changes');
});

test('what cannot change is named, the limiter changes all the same', async () => {
  const { steering, change } = await reloading('{ limiter: none, preImages: { maxBytes: 64MiB } }');
  const lines = await change(
    '{ limiter: "token-bucket,rate=1MiB/s", preImages: { maxBytes: 32MiB, overflow: stall } }',
  );
  expect(lines).toMatchObject([
    { type: 'warning', code: 'CONFIG_FIXED', message: expect.stringContaining('preImages.maxBytes') },
    { type: 'warning', code: 'CONFIG_FIXED', message: expect.stringContaining('preImages.overflow') },
    { type: 'limiter-set' },
  ]);
  expect(steering.limiter.name).toBe('token-bucket');
});

test('after the end nobody listens', async () => {
  const { steering, change, hangUp, configPath } = await reloading('limiter: none');
  await change('limiter: token-bucket,rate=1MiB/s');
  await writeFile(configPath, 'limiter: none');
  hangUp();
  expect(steering.limiter.name).toBe('token-bucket');
});
