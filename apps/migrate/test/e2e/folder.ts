import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** A new folder that goes with the test. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'stillframe-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** Where an image is to be, and what is there. */
export async function imagePlace(): Promise<{ image: string; names: () => Promise<string[]> }> {
  const folder = await makeFolder();
  return { image: path.join(folder, 'image.sfp'), names: async () => (await readdir(folder)).toSorted() };
}
