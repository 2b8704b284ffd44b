import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { saveWorkingSet } from '../../src/lazy/save-working-set.ts';
import { createReport } from '../../src/report/report.ts';
import { inFolder } from '../read-side/image-files.ts';
import { keepingContext } from '../read-side/run-command.ts';

const image = { streamId: new Uint8Array(16), digest: new Uint32Array(2), regions: [] };
const touched = [{ region: 0, firstPage: 3, pageCount: 1 }];

test('what was touched is kept beside the image', () =>
  inFolder(async (folder) => {
    const { context, written } = keepingContext();
    saveWorkingSet(path.join(folder, 'image'), image, { known: [], touched }, createReport(context, true));
    expect(await readdir(folder)).toEqual(['image.ws']);
    expect(written.stdout).toBe('');
  }));

test('that it cannot be kept is told, leaves nothing, and is no failure', () =>
  inFolder(async (folder) => {
    await mkdir(path.join(folder, 'image.ws'));
    const { context, written } = keepingContext();
    saveWorkingSet(path.join(folder, 'image'), image, { known: [], touched }, createReport(context, true));
    expect(JSON.parse(written.stdout)).toMatchObject({ type: 'warning', code: 'WORKING_SET' });
    expect(written.stderr).toContain('is not recorded');
    expect(await readdir(folder)).toEqual(['image.ws']);
  }));
