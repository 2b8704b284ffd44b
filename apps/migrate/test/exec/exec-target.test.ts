import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { execMovingTarget } from '../../src/exec/exec-moving-target.ts';
import { execTarget } from '../../src/exec/exec-target.ts';

const PAGE = 4096;
const regions = [
  { id: 0, name: 'heap', sizeBytes: 8 * PAGE, pageSize: PAGE },
  { id: 1, name: 'stack', sizeBytes: 2 * PAGE, pageSize: PAGE },
];
const state = { kind: 'test/state@1', bytes: Buffer.from('the state') };

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'stillframe-exec-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A child that maps its memory, answers on the channel, and leaves what it saw in a file. */
function child(name: string): { command: string[]; report: string } {
  const report = path.join(directory, 'report.json');
  return { command: ['node', path.join(import.meta.dirname, 'children', name), report], report };
}

function filled(...bytes: readonly number[]): Buffer {
  return Buffer.concat(bytes.map((byte) => Buffer.alloc(PAGE, byte)));
}

describe('an image for a child', () => {
  it('is there when the child starts: memory, state, and what is what', async () => {
    const { command, report } = child('reader.mjs');
    const target = execTarget({ command });
    await target.allocate(regions, new Uint8Array(16));
    await target.writeState(state);
    await target.writePages(0, [{ firstPage: 2, pageCount: 2, kind: 'data' }], filled(7, 8));
    await target.writePages(0, [{ firstPage: 0, pageCount: 2, kind: 'zero' }], new Uint8Array(0));
    await target.writePages(1, [{ firstPage: 1, pageCount: 1, kind: 'data' }], filled(9));
    await target.commit();
    expect(await target.ended()).toEqual({ code: 3, signal: null });
    await target.discard();
    const seen = JSON.parse(await readFile(report, 'utf8'));
    expect(seen).toEqual({
      kind: 'test/state@1',
      state: 'the state',
      names: ['heap', 'stack'],
      firstBytes: [
        [0, 0, 7, 8, 0, 0, 0, 0],
        [0, 9],
      ],
      blocks: [16, 8],
    });
  });

  it('that is dropped before the commit starts nothing', async () => {
    const { command, report } = child('reader.mjs');
    const target = execTarget({ command });
    await target.allocate(regions, new Uint8Array(16));
    await target.discard();
    await expect(target.ended()).rejects.toThrow('no child was started');
    await expect(readFile(report)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('of more regions than a child can have is refused', async () => {
    const many = Array.from({ length: 901 }, (_, id) => ({ ...regions[0]!, id }));
    const target = execTarget({ command: ['true'] });
    await expect(target.allocate(many, new Uint8Array(16))).rejects.toMatchObject({ code: 'REFUSED' });
  });

  it('for a program that does not exist is refused', async () => {
    const target = execTarget({ command: [path.join(directory, 'nothing')] });
    await target.allocate(regions, new Uint8Array(16));
    await target.writeState(state);
    await expect(target.commit()).rejects.toMatchObject({ code: 'REFUSED' });
    await target.discard();
  });
});

async function prepared(name: string) {
  const { command, report } = child(name);
  const target = execMovingTarget({ command });
  await target.allocate(regions);
  await target.writePages(0, [{ firstPage: 0, pageCount: 4, kind: 'data' }], filled(1, 2, 3, 4));
  // A later round: one page is zero now, one has other content.
  await target.writePages(0, [{ firstPage: 1, pageCount: 5, kind: 'zero' }], new Uint8Array(0));
  await target.writePages(0, [{ firstPage: 3, pageCount: 1, kind: 'data' }], filled(5));
  return { target, report };
}

describe('a guest that moves into a child', () => {
  it('starts when it is told to, and not before', async () => {
    const { target, report } = await prepared('mover.mjs');
    await target.loadState(state);
    await target.start();
    await target.pause();
    await target.resume();
    expect(await target.ended()).toEqual({ code: 0, signal: null });
    const seen = JSON.parse(await readFile(report, 'utf8'));
    expect(seen).toEqual({ words: ['start', 'pause', 'resume'], firstBytes: [1, 0, 0, 5, 0, 0, 0, 0] });
  });

  it('stays where it is when the child does not take it', async () => {
    const { target } = await prepared('refuser.mjs');
    await expect(target.loadState(state)).rejects.toMatchObject({ code: 'REFUSED' });
    await target.discard();
    expect(await target.ended()).toEqual({ code: 4, signal: null });
  });

  it('that is dropped takes its child with it', async () => {
    const { target } = await prepared('mover.mjs');
    await target.loadState(state);
    await target.discard();
    expect(await target.ended()).toEqual({ code: null, signal: 'SIGKILL' });
  });
});
