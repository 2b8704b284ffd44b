import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { lacksMachine } from '../../../../tools/vm-guest/src/lacks-machine.ts';
import { machineWords, TestMachine } from '../../../../tools/vm-guest/src/test-machine.ts';
import { Child, mainFile, migrate } from '../e2e/child.ts';
import { makeFolder } from '../e2e/folder.ts';

const TEST_MS = 90_000;
const WRITER = { pages: 64, rate: 1000 };

/** The processes of a QEMU that was started with this word. */
function qemusWith(word: string): string[] {
  const found = execFileSync('sh', ['-c', 'grep -lsF -- "$0" /proc/[0-9]*/cmdline || true', word]);
  return found
    .toString()
    .split('\n')
    .filter((file) => file !== '' && commandOf(file).startsWith('qemu'));
}

function commandOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

async function startDest(program: readonly string[]) {
  const flags = ['--listen', '127.0.0.1:0', '--once', '--json', '--into', 'qemu', '--', ...program];
  const dest = new Child(process.execPath, [mainFile, 'dest', ...flags]);
  const { port } = await dest.line('listening');
  return { dest, to: `127.0.0.1:${String(port)}` };
}

const words = machineWords('memory-backend-memfd,share=on', WRITER);

/** Looks until it is so: processes that are not ours tell nobody of their end. */
async function until(isSo: () => boolean): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- turn by turn
  while (!isSo()) await new Promise(setImmediate);
}

describe.skipIf(lacksMachine())('a `migrate dest` that is killed leaves no QEMU behind', () => {
  test(
    'while pages come, and the machine goes on at the source',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const name = `killed-receiving-${process.pid}`;
      const { dest, to } = await startDest([...words, '-name', name]);
      const flags = [
        '--to',
        to,
        '--qmp',
        machine.qmp,
        '--mode',
        'precopy',
        '--downtime-ms',
        '0.001',
        '--max-rounds',
        '10000',
      ];
      const source = migrate('source', ...flags);
      await source.line('round');
      expect(qemusWith(name)).toHaveLength(1);
      dest.kill('SIGKILL');
      await until(() => qemusWith(name).length === 0);
      expect(await source.exit).toMatchObject({ code: 11 });
      expect((await machine.check()).check).toBe('ok');
    },
    TEST_MS,
  );

  test(
    'while it waits for the word to start the machine',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const name = `killed-waiting-${process.pid}`;
      const { dest, to } = await startDest([...words, '-name', name]);
      // From the cut on the source writes its record to a pipe without a reader: that it has given up is never on record, and never said.
      const record = path.join(await makeFolder(), 'record');
      const atCut = ['--record', record, '--on-cut', `mkfifo ${record}.partial`];
      const flags = ['--to', to, '--qmp', machine.qmp, '--mode', 'precopy', ...atCut];
      const source = migrate('source', ...flags);
      await dest.line('phase', { phase: 'wait' });
      expect(qemusWith(name)).toHaveLength(1);
      dest.kill('SIGKILL');
      await until(() => qemusWith(name).length === 0);
      source.kill('SIGKILL');
      await source.exit;
    },
    TEST_MS,
  );

  test(
    'nor one that is not there: it is refused by name',
    async () => {
      await using machine = await TestMachine.boot(WRITER);
      const { dest, to } = await startDest(['no-such-qemu', ...words.slice(1)]);
      const left = await migrate('source', '--to', to, '--qmp', machine.qmp, '--mode', 'precopy').exit;
      expect(left.code).toBe(15);
      expect((await dest.exit).stderr).toContain('cannot start no-such-qemu');
      expect((await machine.check()).check).toBe('ok');
    },
    TEST_MS,
  );
});
