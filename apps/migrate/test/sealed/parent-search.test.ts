import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SealedWriter, SealKey } from '@stillframe/sealed-file';
import { expect, test } from 'vitest';
import { openChain } from '../../src/chain/image-chain.ts';
import { imageOpener, PASSPHRASE_TRIALS_MAX, SearchLimitError } from '../../src/io/image-file.ts';
import { storedChain } from '../read-side/chain-files.ts';
import { inFolder } from '../read-side/image-files.ts';
import { makeFolder } from '../e2e/folder.ts';

/** The cheapest that the format allows. */
const passphrase = SealKey.fromPassphrase('correct horse', { log2N: 10, r: 1, p: 1 });
const keyFile = SealKey.fromKeyFile(Buffer.alloc(32, 'key'));

async function seal(file: string, bytes: Uint8Array, key: SealKey): Promise<string> {
  const parts: Uint8Array[] = [];
  const writer = await SealedWriter.create(
    async (iovecs) => void parts.push(...iovecs.map((part) => part.slice())),
    key,
  );
  await writer.append([bytes]);
  await writer.finish();
  await writeFile(file, Buffer.concat(parts));
  return file;
}

/** A chain of two in a directory with `others` more sealed files; the name of the parent is not like the image's. */
async function withOthers(
  others: number,
  key: SealKey,
  work: (paths: { top: string; base: string }) => Promise<void>,
) {
  await inFolder(async (folder) => {
    const { bytes } = await storedChain(await makeFolder());
    for (let number = 0; number < others; number += 1) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await seal(path.join(folder, `top.other.${number}`), Buffer.from('no image'), key);
    }
    const base = await seal(path.join(folder, 'a-base'), bytes[0], key);
    await work({ top: await seal(path.join(folder, 'top'), bytes[1], key), base });
  });
}

test.for([
  ['one below', PASSPHRASE_TRIALS_MAX - 3],
  ['at', PASSPHRASE_TRIALS_MAX - 2],
] as const)('a passphrase is tried on as many files as allowed: %s', ([, others]) =>
  withOthers(others, passphrase, async ({ top, base }) => {
    await using chain = await openChain(top, { open: imageOpener(passphrase) });
    expect(chain.links.map((link) => link.path)).toEqual([base, top]);
  }),
);

test('one more: the search is given up, and --parent is the way', () =>
  withOthers(PASSPHRASE_TRIALS_MAX - 1, passphrase, async ({ top, base }) => {
    const search = openChain(top, { open: imageOpener(passphrase) });
    await expect(search).rejects.toBeInstanceOf(SearchLimitError);
    await expect(search).rejects.toMatchObject({
      code: 'REFUSED',
      hint: expect.stringContaining('--parent'),
    });
    await using chain = await openChain(top, { parents: [base], open: imageOpener(passphrase) });
    expect(chain.links).toHaveLength(2);
  }));

test('a key file costs nothing: no bound but that of the directory', () =>
  withOthers(PASSPHRASE_TRIALS_MAX + 5, keyFile, async ({ top, base }) => {
    await using chain = await openChain(top, { open: imageOpener(keyFile) });
    expect(chain.links.map((link) => link.path)).toEqual([base, top]);
  }));
