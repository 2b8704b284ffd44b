import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { machineWords, TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { Child, mainFile } from '../e2e/child.ts';
import { makeFolder } from '../e2e/folder.ts';

const TEST_MS = 90_000;
const PAGES = 8192;
const WRITER = { pages: PAGES, rate: 2000 };
const WHOLE = 'all of its memory has come';
/** What each page of the writer begins with (guest/init.c). */
const PAGE_MAGIC = 'stsfpage';
const IN_PAGE = 100;

const words = machineWords('memory-backend-memfd,share=on', WRITER);

async function take(machine: TestMachine, ...flags: readonly string[]): Promise<void> {
  const args = ['snapshot', '--qmp', machine.qmp, '--json', ...flags];
  expect(await new Child(process.execPath, [mainFile, ...args]).exit).toMatchObject({ code: 0 });
}

/** A machine that talks to us through `migrate restore --lazy`. */
function restoreLazily(image: string, prefetch: string, ...more: readonly string[]): TestMachine {
  const flags = ['--lazy', '--prefetch', prefetch, '--into', 'qemu', '--', ...words, ...more];
  return TestMachine.run([process.execPath, mainFile, 'restore', image, ...flags]);
}

/** What it says of pages, in the line with these words. */
function pagesIn({ errors }: TestMachine, about: string): number {
  const line = errors.find((each) => each.includes(about)) ?? '';
  return Number(/([\d,]+) pages/.exec(line)?.[1]?.replaceAll(',', ''));
}

/** Of the writer, the one that lies last. */
function damageOnePage(image: string): void {
  const bytes = readFileSync(image);
  const at = bytes.lastIndexOf(PAGE_MAGIC) + IN_PAGE;
  bytes[at] = bytes[at]! ^ 1;
  writeFileSync(image, bytes);
}

/** It runs, and its memory is right. */
async function expectAlive(machine: TestMachine): Promise<number> {
  const first = await machine.check();
  const second = await machine.check();
  expect([first.check, second.check]).toEqual(['ok', 'ok']);
  expect(second.newest).toBeGreaterThan(first.newest);
  return first.newest;
}

function isThere(name: string): boolean {
  const found = execFileSync('sh', ['-c', 'grep -lsF -- "$0" /proc/[0-9]*/cmdline || true', name]).toString();
  return found
    .split('\n')
    .some((file) => file !== '' && existsSync(file) && readFileSync(file, 'utf8').startsWith('qemu'));
}

describe.skipIf(lacksMachine())('a machine that is restored lazily', () => {
  test(
    'goes on from the cut before its memory has come, which comes when it is touched',
    async () => {
      const image = path.join(await makeFolder(), 'vm.sfp');
      {
        await using machine = await TestMachine.boot(WRITER);
        await take(machine, '--out', image);
      }
      await using restored = restoreLazily(image, 'off');
      await restored.says('the machine goes on');
      expect(pagesIn(restored, 'the machine goes on')).toBeGreaterThan(50_000);
      expect(await expectAlive(restored)).toBeGreaterThan(0);
      expect(restored.errors.join('\n')).not.toContain(WHOLE);
      restored.powerOff();
      expect(await restored.ended()).toBe(0);
      // Of 65,536. The machine has answered with so many missing; its check has touched every page of the writer.
      const missing = pagesIn(restored, 'had not come');
      expect(missing).toBeGreaterThan(30_000);
      expect(missing).toBeLessThan(65_536 - PAGES);
      // What it touched, for the next time.
      expect((await stat(`${image}.ws`)).size).toBeGreaterThan(0);
    },
    TEST_MS,
  );

  test(
    'has all of its memory in the end, of an increment from all images below it, and nobody serves it then',
    async () => {
      const folder = await makeFolder();
      const [base, top] = [path.join(folder, 'base.sfp'), path.join(folder, 'top.sfp')];
      let newest: number;
      {
        await using machine = await TestMachine.boot(WRITER);
        await take(machine, '--out', base);
        ({ newest } = await machine.check());
        await take(machine, '--out', top, '--parent', base);
      }
      await using restored = restoreLazily(top, '10GiB/s');
      await restored.says(WHOLE);
      expect(await expectAlive(restored)).toBeGreaterThan(newest);
      restored.powerOff();
      expect(await restored.ended()).toBe(0);
    },
    TEST_MS,
  );

  test(
    'is ended, typed, when a page that it needs is damaged, and has never seen another content',
    async () => {
      const image = path.join(await makeFolder(), 'vm.sfp');
      {
        await using machine = await TestMachine.boot(WRITER);
        await take(machine, '--out', image);
      }
      damageOnePage(image);
      const name = `damaged-${process.pid}`;
      await using restored = restoreLazily(image, 'off', '-name', name);
      await restored.says('the machine goes on');
      // The check reads every page.
      const answer = restored.check().catch(() => undefined);
      expect(await restored.ended()).toBe(13);
      expect(await answer).toBeUndefined();
      expect(restored.errors.join('\n')).toMatch(
        /error DAMAGED: page \d+ of region 0 cannot be had: .+ the machine was ended/,
      );
      expect(isThere(name)).toBe(false);
    },
    TEST_MS,
  );

  test(
    'is ended, typed, when a page is damaged that it has not touched',
    async () => {
      const image = path.join(await makeFolder(), 'vm.sfp');
      {
        await using machine = await TestMachine.boot(WRITER);
        await take(machine, '--out', image);
      }
      damageOnePage(image);
      // It stands still: nobody touches the page.
      await using restored = restoreLazily(image, '10GiB/s', '-S');
      expect(await restored.ended()).toBe(13);
      expect(restored.errors.join('\n')).toContain('error DAMAGED: page ');
    },
    TEST_MS,
  );

  test(
    'is not even started when the end of its image is missing',
    async () => {
      const image = path.join(await makeFolder(), 'vm.sfp');
      {
        await using machine = await TestMachine.boot({ pages: 64 });
        await take(machine, '--out', image);
      }
      truncateSync(image, (await stat(image)).size - 1);
      await using restored = restoreLazily(image, 'off');
      expect(await restored.ended()).toBe(13);
      expect(restored.errors.join('\n')).not.toContain('the machine goes on');
    },
    TEST_MS,
  );

  test(
    'is ended when `migrate` is killed while pages are missing',
    async () => {
      const image = path.join(await makeFolder(), 'vm.sfp');
      {
        await using machine = await TestMachine.boot({ pages: 64 });
        await take(machine, '--out', image);
      }
      const name = `orphan-${process.pid}`;
      await using restored = restoreLazily(image, 'off', '-name', name);
      await restored.says('the machine goes on');
      expect(isThere(name)).toBe(true);
      restored.process.kill('SIGKILL');
      await restored.ended();
      // oxlint-disable-next-line no-await-in-loop -- turn by turn: it is no child of ours
      while (isThere(name)) await new Promise(setImmediate);
    },
    TEST_MS,
  );
});

test.for([['file:somewhere'], ['exec']])('--lazy does not go with --into %s', async ([into]) => {
  const refused = new Child(process.execPath, [
    mainFile,
    'restore',
    'x',
    '--lazy',
    '--into',
    into!,
    '--json',
  ]);
  expect(await refused.exit).toMatchObject({ code: 2 });
});
