import { expect, test } from 'vitest';
import { copyOf, encodeChunked, opened, PAGE, someMemory, storedChain } from './chain-files.ts';
import { encodeImage, fileOf, flipped, inFolder } from './image-files.ts';
import { runCommand } from './run-command.ts';

test('pages that differ, as runs', () =>
  inFolder(async (folder) => {
    const memory = someMemory();
    const other = copyOf(memory);
    for (const page of [3, 4, 5, 63, 64, 159]) other.heap[page * PAGE + 4095]! ^= 1;
    other.stack[0]! ^= 1;
    const one = await fileOf(folder, 'one', await encodeChunked(memory, { method: 'lz4' }));
    const two = await fileOf(
      folder,
      'two',
      await encodeChunked(other, { method: 'zstd', sameAs: true, id: 1 }),
    );
    const run = await runCommand(['diff', one, two, '--json']);
    expect(run.exitCode).toBe(15);
    expect(run.lines().slice(0, -1)).toEqual([
      { type: 'run', region: 0, firstPage: 3, pageCount: 3 },
      { type: 'run', region: 0, firstPage: 63, pageCount: 2 },
      { type: 'run', region: 0, firstPage: 159, pageCount: 1 },
      { type: 'run', region: 1, firstPage: 0, pageCount: 1 },
    ]);
    expect(run.lines().at(-1)).toMatchObject({
      outcome: 'different',
      same: false,
      differingPages: 7,
      comparedPages: 184,
    });
    const text = (await runCommand(['diff', one, two])).stdout;
    expect(text).toContain('heap: 6 of 160 pages differ: 3–5, 63–64, 159');
    expect(text).toMatch(/^ {4}[·░▒▓█]{64}$/m);
    expect(text).toMatch(/^ {4}█·{23}$/m);
  }));

test('the same memory, however it is stored', () =>
  inFolder(async (folder) => {
    const memory = someMemory();
    const one = await fileOf(folder, 'one', await encodeChunked(memory, { method: 'lz4' }));
    const regions = new Map([
      ['heap', memory.heap],
      ['stack', memory.stack],
    ]);
    const plain = encodeImage({ state: { kind: 'test@1', bytes: new Uint8Array([1]) }, regions });
    const two = await fileOf(folder, 'two', plain);
    const run = await runCommand(['diff', one, two, '--json']);
    expect(run.exitCode).toBe(0);
    expect(run.lines()).toEqual([
      expect.objectContaining({ outcome: 'done', same: true, differingPages: 0 }),
    ]);
    expect((await runCommand(['diff', one, two])).stdout).toContain('same memory');
  }));

test('what two increments take from the same image is not read', () =>
  inFolder(async (folder) => {
    const { paths } = await storedChain(folder);
    const run = await runCommand(['diff', paths[1], paths[2], '--json']);
    expect(run.exitCode).toBe(15);
    const summary = run.lines().at(-1)!;
    expect(summary).toMatchObject({ differingPages: 2, comparedPages: 184, difference: 'their states' });
    const { stdout } = await runCommand(['diff', paths[0], paths[1]]);
    expect(stdout).toMatch(/^different: 15 pages, and their states$/m);
    expect(summary['readPages']).toBeLessThan(10);
    // Through an increment of an increment as well.
    const far = (await runCommand(['diff', paths[0], paths[2], '--json'])).lines().at(-1)!;
    expect(far['readPages']).toBeLessThan(40);
    expect(far['differingPages']).toBe(15);
  }));

test('other regions, other states', () =>
  inFolder(async (folder) => {
    const memory = someMemory();
    const one = await fileOf(folder, 'one', await encodeChunked(memory));
    const state = await fileOf(folder, 'state', await encodeChunked(memory, { state: new Uint8Array([7]) }));
    const states = await runCommand(['diff', one, state, '--json']);
    expect(states.exitCode).toBe(15);
    expect(states.lines()).toEqual([
      expect.objectContaining({ difference: 'their states', differingPages: 0, comparedPages: 184 }),
    ]);
    const short = { ...memory, stack: memory.stack.slice(0, 8 * PAGE) };
    const regions = await fileOf(folder, 'regions', await encodeChunked(short));
    const layouts = await runCommand(['diff', one, regions, '--json']);
    expect(layouts.exitCode).toBe(15);
    expect(layouts.lines().at(-1)).toMatchObject({ difference: 'their regions', comparedPages: 0 });
  }));

test('a damaged image is damage, not a difference', () =>
  inFolder(async (folder) => {
    const bytes = await encodeChunked(someMemory());
    const one = await fileOf(folder, 'one', bytes);
    const { frameOffset } = opened(bytes).locate(0, 1);
    const two = await fileOf(folder, 'two', flipped(bytes, frameOffset + 3000));
    const run = await runCommand(['diff', one, two, '--json']);
    expect(run.exitCode).toBe(13);
    expect(run.lines()[0]).toMatchObject({ type: 'damage', streamCode: 'STREAM_PAYLOAD_CRC', path: two });
    expect((await runCommand(['diff', one, `${folder}/missing`])).exitCode).toBe(16);
    expect((await runCommand(['diff', one])).exitCode).toBe(2);
  }));
