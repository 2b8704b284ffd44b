import { machineWords, TestMachine } from '../../../vm-guest/src/test-machine.ts';
import { Child, ChildError, numberAt } from '../child-process.ts';
import { type MachineMove, type MachineMoveOptions, warmUp, wordsOf } from './machine.ts';
import { until } from './ours.ts';

const LISTENING = 'listening on ';

/** Moves a machine by the command line, as anybody would, and makes sure that it arrived whole. */
export async function moveMachine(options: MachineMoveOptions): Promise<MachineMove> {
  const { program, route } = options;
  const words = wordsOf(options);
  const [node = '', ...source] = route.atSource([process.execPath, program, 'source']);
  // In the namespace of `migrate`, which finds the process behind the socket in its own.
  await using leaving = await TestMachine.boot({ ...words, within: route.atSource });
  const into = `dest --listen ${route.host}:0 --once --insecure --into qemu --`.split(' ');
  const machine = machineWords('memory-backend-memfd,share=on', words);
  await using arriving = TestMachine.run(
    route.atDestination([process.execPath, program, ...into, ...machine]),
  );
  await arriving.says(LISTENING);
  const to = arriving.errors
    .find((line) => line.includes(LISTENING))!
    .split(LISTENING)[1]!
    .trim();
  const writesPerSecond = await warmUp(leaving);
  const flags = ['--to', to, '--qmp', leaving.qmp, '--mode', 'precopy', '--insecure', '--json'];
  const left = await until(new Child(node, [...source, ...flags]), 'summary');
  if (left['outcome'] !== 'done') throw new ChildError(`the machine did not move: ${JSON.stringify(left)}`);
  const { check, wrongPages } = await arriving.check();
  if (check !== 'ok') throw new ChildError(`the machine did not arrive whole: ${wrongPages} pages are wrong`);
  return { downtimeMs: numberAt(left, 'downtimeMs'), writesPerSecond };
}
