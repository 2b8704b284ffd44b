import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { expect, type TestContext, test } from 'vitest';
import { makeFolder } from '../e2e/folder.ts';
import { CoreFile } from './core-file.ts';
import { judgeStamps } from './stamp-oracle.ts';
import { startTarget } from './target.ts';
import { needProgram } from './needs.ts';

/** gdb's own core of a process that stands still: the oracle and the reader are right about what others write. */
async function gcoreOf(context: TestContext, threads: number) {
  needProgram(context, 'gcore');
  const target = await startTarget('writers', { threads, pages: 16, pauseUs: 100 });
  await target.warm();
  const prefix = path.join(await makeFolder(), 'core');
  execFileSync('gcore', ['-o', prefix, String(target.pid)], { stdio: 'ignore' });
  const file = `${prefix}.${target.pid}`;
  return { file, address: target.ready.memory! };
}

/** Changes eight bytes of a core's memory, as a tear would. */
async function tear(file: string, address: number, value: bigint): Promise<string> {
  const torn = `${file}.torn`;
  copyFileSync(file, torn);
  const { segments } = new CoreFile(file);
  const segment = segments.find(
    (each) => address >= each.address && address < each.address + each.fileBytes,
  )!;
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  const handle = await open(torn, 'r+');
  await handle.write(bytes, 0, 8, segment.fileOffset + address - segment.address);
  await handle.close();
  return torn;
}

test('accepts a stopped process, by address and by search, and no tear of it', async (context) => {
  const { file, address } = await gcoreOf(context, 3);
  const { wrong, published } = judgeStamps(new CoreFile(file), address, 'prefix');
  expect(wrong).toEqual([]);
  expect(published.every((step) => step >= 16)).toBe(true);
  expect(judgeStamps(new CoreFile(file), null, 'prefix')).toMatchObject({ wrong: [], published });

  const page = (index: number) => address + (1 + 3 + index) * 4096;
  // A page of the wrong step, a page that mixes two steps, a cause that is missing.
  const late = await tear(file, address + 4096, BigInt(published[0]! - 2));
  expect(judgeStamps(new CoreFile(late), address, 'prefix').wrong.length).toBeGreaterThan(0);
  const mixed = await tear(file, page(5) + 800, 1n);
  expect(judgeStamps(new CoreFile(mixed), address, 'mix').wrong).toEqual([
    expect.stringMatching(/thread 0, page 5: word 100/),
  ]);
  const ahead = await tear(file, page(16) + 8, BigInt(published[2]! + 1));
  expect(judgeStamps(new CoreFile(ahead), address, 'mix').wrong).toEqual([
    expect.stringMatching(/thread 1, page 0: saw step/),
  ]);
});
