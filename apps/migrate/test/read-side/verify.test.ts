import { pageCodec } from '@stillframe/page-codec';
import { PageStreamEncoder } from '@stillframe/page-stream';
import { expect, test } from 'vitest';
import { copyImage, memoryOf } from '../workloads/take-image.ts';
import { counterImage, encodeImage, fileOf, flipped, inFolder, simulatedImage } from './image-files.ts';
import { runCommand } from './run-command.ts';

const PAGE = 4096;

test('an image without an oracle is done, but not verified', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ name: 'heap', pageCount: 16, touchedPages: 4 }]);
    const run = await runCommand(['verify', await fileOf(folder, 'image', bytes), '--json']);
    expect(run.exitCode).toBe(0);
    expect(run.lines().find(({ type }) => type === 'image')).toMatchObject({
      oracle: null,
      verified: false,
      pages: 16,
      zeroPages: 12,
      stateKind: 'simulated@1',
    });
    expect(run.lines().at(-1)).toMatchObject({ type: 'summary', outcome: 'done', verified: false });
  }));

test('the oracle accepts the memory of a workload, and refuses it when a page is another', () =>
  inFolder(async (folder) => {
    const image = await counterImage();
    const good = await fileOf(folder, 'good', encodeImage(image));
    const accepted = await runCommand(['verify', good, '--json']);
    expect(accepted.exitCode).toBe(0);
    expect(accepted.lines().at(-1)).toMatchObject({ outcome: 'done', verified: true });

    // Checksums and digest are right: only the oracle can tell.
    const wrong = copyImage(image);
    memoryOf(wrong).copyWithin(0, PAGE, 2 * PAGE);
    const refused = await runCommand(['verify', await fileOf(folder, 'wrong', encodeImage(wrong)), '--json']);
    expect(refused.exitCode).toBe(15);
    expect(refused.lines().at(-1)).toMatchObject({ outcome: 'refused', verified: false });
    expect(refused.stderr).toContain('does not accept');
  }));

test('a state that the oracle cannot read is refused', () =>
  inFolder(async (folder) => {
    const image = await counterImage();
    const cut = { ...image, state: { kind: image.state.kind, bytes: image.state.bytes.subarray(0, 5) } };
    const run = await runCommand(['verify', await fileOf(folder, 'cut', encodeImage(cut)), '--json']);
    expect(run.exitCode).toBe(15);
    expect(run.lines().at(-1)).toMatchObject({ outcome: 'refused', verified: false });
  }));

test('a flipped bit in a page is corrupt, and so is a cut', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ name: 'heap', pageCount: 16 }]);
    const path = await fileOf(folder, 'flipped', flipped(bytes, bytes.byteLength - 5 * PAGE));
    expect((await runCommand(['inspect', path])).exitCode).toBe(0);
    const run = await runCommand(['verify', path]);
    expect(run.exitCode).toBe(13);
    expect(run.stderr).toMatch(/damage STREAM_PAYLOAD_CRC at byte \d+/);
    const cut = await fileOf(folder, 'cut', bytes.subarray(0, bytes.byteLength - 1));
    expect((await runCommand(['verify', cut])).exitCode).toBe(13);
  }));

test('two images of the same memory are the same, of other memory different', () =>
  inFolder(async (folder) => {
    const image = await counterImage();
    const one = await fileOf(folder, 'one', encodeImage(image));
    const two = await fileOf(folder, 'two', encodeImage(copyImage(image)));
    const same = await runCommand(['verify', one, two, '--json']);
    expect(same.exitCode).toBe(0);
    expect(same.lines().at(-2)).toMatchObject({ type: 'comparison', same: true });
    expect(same.lines().at(-1)).toMatchObject({ outcome: 'done', verified: true });

    const other = await fileOf(folder, 'other', encodeImage(await counterImage()));
    const different = await runCommand(['verify', one, other, '--json']);
    expect(different.exitCode).toBe(15);
    expect(different.lines().at(-2)).toMatchObject({ type: 'comparison', same: false });
    expect(different.lines().at(-1)).toMatchObject({ outcome: 'different', verified: false });
  }));

test('zero memory of another size is different', () =>
  inFolder(async (folder) => {
    const small = await simulatedImage([{ name: 'heap', pageCount: 16, touchedPages: 2 }]);
    const large = await simulatedImage([{ name: 'heap', pageCount: 32, touchedPages: 2 }]);
    const paths = [await fileOf(folder, 'small', small.bytes), await fileOf(folder, 'large', large.bytes)];
    const run = await runCommand(['verify', ...paths]);
    expect(run.exitCode).toBe(15);
    expect(run.stdout).toContain('different');
  }));

test('a second image that is corrupt or missing', () =>
  inFolder(async (folder) => {
    const { bytes } = await simulatedImage([{ pageCount: 4 }]);
    const good = await fileOf(folder, 'good', bytes);
    const bad = await fileOf(folder, 'bad', flipped(bytes, bytes.byteLength - 3 * PAGE));
    expect((await runCommand(['verify', good, bad])).exitCode).toBe(13);
    expect((await runCommand(['verify', good, `${folder}/missing`])).exitCode).toBe(16);
    expect((await runCommand(['verify', folder])).exitCode).toBe(16);
  }));

test('an image without an oracle is not brought into memory, however large it is', () =>
  inFolder(async (folder) => {
    // More than there is: one region of zeros, and a page.
    const sizeBytes = 2 ** 42;
    const encoder = new PageStreamEncoder({ streamId: new Uint8Array(16), codec: pageCodec });
    const bytes = Buffer.concat([
      ...encoder.start([{ id: 0, name: 'huge', sizeBytes, pageSize: PAGE }]),
      ...encoder.state({ kind: 'test@1', bytes: new Uint8Array() }),
      ...encoder.encodePages(0, [{ firstPage: 0, pageCount: 1, kind: 'data' }], new Uint8Array(PAGE).fill(1)),
      ...encoder.encodePages(
        0,
        [{ firstPage: 1, pageCount: sizeBytes / PAGE - 1, kind: 'zero' }],
        new Uint8Array(),
      ),
      ...encoder.end(),
    ]);
    const image = await fileOf(folder, 'huge', bytes);
    expect((await runCommand(['verify', image])).exitCode).toBe(0);
    expect((await runCommand(['restore', image, '--into', 'memory'])).exitCode).toBe(16);
  }));
