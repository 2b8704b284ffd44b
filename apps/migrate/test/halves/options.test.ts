import { expect, it } from 'vitest';
import { runCommand } from '../read-side/run-command.ts';

const DEST = ['dest', '--listen', '127.0.0.1:0', '--save-half', 'half'];
const SOURCE = ['source', '--to', '127.0.0.1:1', '--save-half', 'half'];

it.each([
  ['for many guests', DEST, 'without --once'],
  ['for a guest in a program', [...DEST, '--once', '--into', 'exec', '--', 'true'], 'in this process'],
  ['for a machine that arrives', [...DEST, '--once', '--into', 'qemu', '--', 'true'], 'in this process'],
  ['for a machine that leaves', [...SOURCE, '--mode', 'postcopy', '--qmp', '/x'], 'in this process'],
  ['for a picture', [...SOURCE, '--workload', 'counter'], 'without a --mode'],
] as const)('--save-half is refused %s', async (_what, argv, words) => {
  const { exitCode, stderr } = await runCommand(argv);
  expect(stderr).toContain(words);
  expect(exitCode).toBe(2);
});

it.each([DEST, SOURCE])(
  '--save-half is refused before a guest moves when no file can be there: %s',
  async (...argv) => {
    const nowhere = argv.map((arg) => (arg === 'half' ? '/gone/away/half' : arg));
    const rest = argv[0] === 'dest' ? ['--once'] : ['--workload', 'counter', '--mode', 'postcopy'];
    expect((await runCommand([...nowhere, ...rest])).exitCode).toBe(16);
  },
);

it('a key on a source is for its half: without one it does nothing, and is refused', async () => {
  const argv = ['source', '--to', '127.0.0.1:1', '--workload', 'counter', '--key-file', 'key'];
  for (const mode of [[], ['--mode', 'postcopy']]) {
    // oxlint-disable-next-line no-await-in-loop -- two
    const { exitCode, stderr } = await runCommand([...argv, ...mode]);
    expect(stderr).toContain('without --save-half');
    expect(exitCode).toBe(2);
  }
});

it.each([DEST, SOURCE])('a key that cannot be read is noticed before a guest moves: %s', async (...argv) => {
  const rest = argv[0] === 'dest' ? ['--once'] : ['--workload', 'counter', '--mode', 'postcopy'];
  expect((await runCommand([...argv, ...rest, '--key-file', '/gone/away/key'])).exitCode).toBe(16);
});
