import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PageCodec } from '@stillframe/page-stream';
import { expect, it, onTestFinished } from 'vitest';
import { implementation, isHardware, pageCodec } from '../src/index.ts';

const packageDir = path.join(import.meta.dirname, '..');

it('fits where a PageCodec is wanted', () => {
  const codec: PageCodec = pageCodec;
  expect(Object.keys(codec).toSorted()).toEqual([
    'appendCrc',
    'crc32c',
    'digestPages',
    'digestRun',
    'findZeroRuns',
    'hashPages',
    'isSame',
    'unpackLz4',
    'unpackZstd',
  ]);
});

it('says what it uses, and that agrees with what the kernel says of the processor', () => {
  const cpu = execFileSync('cat', ['/proc/cpuinfo'], { encoding: 'utf8' });
  const has = (flag: string): boolean => new RegExp(`^(flags|Features)\\s*:.*\\b${flag}\\b`, 'm').test(cpu);
  const expected =
    process.arch === 'arm64'
      ? [has('crc32') && 'arm64-crc']
      : [
          has('avx512f') && has('vpclmulqdq') && 'x64-avx512',
          has('sse4_2') && has('pclmulqdq') && 'x64-sse4.2',
        ];
  expect(implementation).toBe([...expected, 'portable'].find(Boolean));
  expect(isHardware()).toBe(implementation !== 'portable');
});

it('throws an error with code, hint and cause where there is no binary', () => {
  const dir = mkdtempSync(path.join(tmpdir(), 'page-codec-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  cpSync(path.join(packageDir, 'load.cjs'), path.join(dir, 'load.cjs'));
  symlinkSync(path.join(packageDir, 'node_modules'), path.join(dir, 'node_modules'));
  const script = `try { require('./load.cjs') } catch (e) {
    console.log(JSON.stringify([e instanceof Error, e.name, e.code, e.hint, e.message, e.cause.message])) }`;
  const output = execFileSync(process.execPath, ['-e', script], { cwd: dir, encoding: 'utf8' });
  const noBinary = expect.stringContaining('No native build was found');
  const hint = expect.stringContaining('pureCodec');
  expect(JSON.parse(output)).toEqual([
    true,
    'PageCodecError',
    'PAGE_CODEC_UNAVAILABLE',
    hint,
    noBinary,
    noBinary,
  ]);
});
