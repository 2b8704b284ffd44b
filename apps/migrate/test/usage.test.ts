import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder } from './e2e/folder.ts';
import { runCommand } from './read-side/run-command.ts';

const GUEST = ['--workload', 'counter,size=2MiB'];
const TO = ['--to', '127.0.0.1:7000'];
const usage: readonly { args: readonly string[]; words: string }[] = [
  { args: ['dest', '--into', 'qemu'], words: 'which machine?' },
  { args: ['dest', '--into', 'exec'], words: '--into exec' },
  { args: ['dest', '--into', 'flie:x'], words: '--into flie:x' },
  { args: ['dest', '--listen', '127.0.0.1'], words: 'HOST:PORT' },
  { args: ['dest', '--listen', '127.0.0.1:65536'], words: 'HOST:PORT' },
  { args: ['source', ...GUEST], words: '--to' },
  { args: ['source', ...TO], words: '--workload' },
  { args: ['snapshot', ...GUEST], words: '--out' },
  { args: ['source', ...TO, '--workload', 'conter'], words: 'counter' },
  { args: ['source', ...TO, '--workload', 'counter,siz=2MiB'], words: 'size' },
  { args: ['source', ...TO, ...GUEST, '--limiter', 'token-buket'], words: 'token-bucket' },
  { args: ['source', ...TO, ...GUEST, '--limiter', 'token-bucket,rte=1'], words: 'rate' },
  { args: ['source', ...TO, ...GUEST, '--pre-images-max', '12 parsecs'], words: 'parsecs' },
  { args: ['source', ...TO, ...GUEST, '--pre-images-max', '0'], words: '--overflow stall' },
  { args: ['source', ...TO, ...GUEST, '--overflow', 'explode'], words: 'explode' },
  { args: ['source', ...TO, ...GUEST, '--timeout-s', '0'], words: '--timeout-s' },
  { args: ['source', ...TO, ...GUEST, '--before-ms', '-1'], words: '--before-ms' },
  { args: ['source', ...TO, ...GUEST, '--limter', 'none'], words: '--limiter' },
  { args: ['source', ...TO, '--pid', 'redis'], words: 'number of a process' },
  { args: ['source', ...TO, '--pid', '0'], words: 'number of a process' },
  { args: ['source', ...TO, '--pid', '1', ...GUEST], words: '--pid and --workload exclude' },
  { args: ['source', ...TO, '--pid', '1', '--after-ms', '5'], words: '--pid and --after-ms exclude' },
  { args: ['source', ...TO, '--pid', '1', '--filter', 'heap'], words: 'anonymous' },
  { args: ['source', ...TO, '--pid', '1', '--copy-max', 'x'], words: 'x' },
  { args: ['source', ...TO, ...GUEST, '--include-dontdump'], words: '--include-dontdump is for processes' },
  { args: ['snapshot', '--out', 'x', '--filter', 'shared'], words: '--filter is for processes' },
  { args: ['source', ...TO, '--mode', 'precopy', '--pid', '1'], words: 'which guest moves?' },
  { args: ['source', ...TO, ...GUEST, '--mode', 'hybrid', '--downtime-ms', '0'], words: '--downtime-ms' },
  { args: ['source', ...TO, ...GUEST, '--mode', 'precopy', '--max-rounds', 'x'], words: '--max-rounds' },
  { args: ['snapshot', '--out', 'x', ...GUEST, '--mode', 'precopy'], words: '--mode precopy' },
  { args: ['source', ...TO, ...GUEST, '--mode', 'postcpy'], words: 'not "postcpy"' },
  {
    args: ['source', ...TO, ...GUEST, '--mode', 'precopy', '--limiter', 'none'],
    words: '--limiter does nothing',
  },
  { args: ['source', ...TO, ...GUEST, '--mode', 'hybrid', '--same-as'], words: '--same-as does nothing' },
  {
    args: ['source', ...TO, ...GUEST, '--mode', 'hybrid', '--control', 'x'],
    words: '--control does nothing',
  },
  {
    args: ['source', ...TO, ...GUEST, '--mode', 'postcopy', '--downtime-ms', '5'],
    words: '--downtime-ms does',
  },
  { args: ['source', ...TO, ...GUEST, '--mode', 'precopy', '--moved-to', 'x:1'], words: 'without --serve' },
  { args: ['source', ...TO, ...GUEST, '--downtime-ms', '5'], words: '--downtime-ms does nothing' },
  { args: ['source', ...TO, '--guest-module', 'x.mjs'], words: '--guest-module does nothing' },
  { args: ['snapshot', '--out', 'x', ...GUEST, '--idle-s', '5'], words: '--idle-s' },
  { args: ['snapshot', '--out', '', ...GUEST], words: '--out PATH is missing' },
  { args: ['flatten', 'x', '--out', ''], words: '--out PATH is missing' },
  { args: ['salvage', 'x', '--out', ''], words: '--out PATH is missing' },
  { args: ['core', '--pid', '1', '--out', ''], words: '--out PATH is missing' },
  { args: ['snapshot', '--out', 'x', '--handoff', '/run/x.sock'], words: '--handoff is not there yet' },
  { args: ['source', ...TO, ...GUEST, '--tls-cert', 'cert.pem'], words: '--tls-key' },
  { args: ['dest', '--tls-name', 'x'], words: '--tls-name' },
  { args: ['dest', '--psk-file', 'x', '--insecure'], words: '--insecure' },
  { args: ['psk'], words: '--out' },
  { args: ['restore', 'image.sfp', '--lazy'], words: '--lazy goes with' },
  { args: ['core', '--pid', '1'], words: '--out PATH is missing' },
  { args: ['core', '--out', 'x'], words: '--pid or --from is missing' },
  { args: ['core', '--out', 'x', '--pid', '1', '--from', 'y'], words: 'exclude each other' },
  { args: ['core', '--out', '-', '--pid', '1'], words: 'both want stdout' },
  { args: ['core', '--out', 'x', '--from', 'y', '--trace', 'z'], words: '--trace does nothing with --from' },
  { args: ['ctl'], words: 'PATH' },
  { args: ['ctl', 'c.sock'], words: 'COMMAND' },
  { args: ['ctl', 'c.sock', 'pawse'], words: 'pause' },
  { args: ['ctl', 'c.sock', 'set-limiter'], words: 'which limiter' },
  { args: ['ctl', 'c.sock', 'set-limiter', '{'], words: 'no JSON' },
  { args: ['ctl', 'c.sock', 'set-limiter', '{}'], words: 'limiter' },
  { args: ['ctl', 'c.sock', 'pause', 'now'], words: 'now' },
  { args: ['ctl', 'c.sock', 'pause', 'now', 'or', 'never'], words: 'too many arguments' },
  { args: ['ctl', 'x'.repeat(108), 'status'], words: '108 bytes' },
  { args: ['source', ...TO, ...GUEST, '--control', 'x'.repeat(108)], words: '108 bytes' },
  { args: ['inspect'], words: 'PATH' },
  { args: ['verify', 'a', 'b', 'c'], words: 'too many arguments' },
  { args: ['sauce'], words: 'source' },
];

test.for(usage)('usage: $args', async ({ args, words }) => {
  const outcome = await runCommand([...args, '--json']);
  expect(outcome).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(words) });
  expect(outcome.stderr).toMatch(/^error \w+: .+\nhint: .+\n$/);
  expect(outcome.lines()).toMatchObject([
    { type: 'error', code: expect.stringMatching(/^[A-Z_]+$/) },
    { type: 'summary', outcome: 'usage', verified: false, exitCode: 2 },
  ]);
});

test('help does not show what is not there yet', async () => {
  for (const args of [['--help'], ['source', '--help'], ['dest', '--help']]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { stdout } = await runCommand(args);
    expect(stdout).not.toMatch(/--handoff/);
  }
});

test('help tells defaults and choices as they are typed', async () => {
  const { stdout: dest } = await runCommand(['dest', '--help']);
  expect(dest).toContain('(default: 127.0.0.1:7000)');
  const { stdout: snapshot } = await runCommand(['snapshot', '--help']);
  expect(snapshot.replaceAll(/\s+/g, ' ')).toContain('(default: spill) (one of spill, stall, abort)');
});

test('the version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  expect(await runCommand(['--version'])).toMatchObject({ exitCode: 0, stdout: `${version}\n` });
});

test('a mistake in the config file is told with its key, before anything starts', async () => {
  const config = path.join(await makeFolder(), 'policy.yaml');
  await writeFile(config, 'limitr: none\n');
  const source = await runCommand(['source', ...TO, ...GUEST, '--config', config, '--json']);
  expect(source).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('limitr') });
  expect(source.stderr).toContain('limiter');
  expect(source.lines().map((line) => line['type'])).toEqual(['error', 'summary']);
});

test('a config file that is not there', async () => {
  expect(await runCommand(['source', ...TO, ...GUEST, '--config', '/nowhere.yaml'])).toMatchObject({
    exitCode: 16,
  });
});

test('limiters tells defaults where there are any, and what is required', async () => {
  const { stdout } = await runCommand(['limiters']);
  expect(stdout).toMatch(/^ {4}burst=4MiB {2}/m);
  expect(stdout).toMatch(/^ {4}rate {2}required; /m);
  expect(stdout).not.toContain('undefined');
});

test.for([['--help'], ['source', '--help'], ['limiters'], ['workloads']])('%j is done', async (args) => {
  const outcome = await runCommand(args);
  expect(outcome).toMatchObject({ exitCode: 0, stderr: '' });
  expect(outcome.stdout).not.toBe('');
});
