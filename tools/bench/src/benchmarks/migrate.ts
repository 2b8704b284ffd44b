import { whyNoLink } from '@stillframe/shaped-link';
import type { Benchmark, Context } from '../benchmark.ts';
import { MIB } from '../benchmark.ts';
import { series } from '../figure.ts';
import { downtimeRows } from '../moving/downtime-rows.ts';
import type { MachineMove } from '../moving/machine.ts';
import { moveMachine } from '../moving/ours-machine.ts';
import { type Mode, moveCounter, type MoveFigures } from '../moving/ours.ts';
import { moveByQemu } from '../moving/qemu-precopy.ts';
import { gigabitLink, loopback, type Route } from '../moving/route.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';
import { whyNoMachine } from '../vm/why-no-machine.ts';
import { quantileUs } from '../waits.ts';

const NAME = 'migrate';
/** 100 MB of pages a second. */
const WRITES_PER_SECOND = 25_000;
const HYBRID_MAX = 1.2;
const REMOTE_FAULT_MAX = 1.5;

/** Guests that move, over the loopback and over a link. Where there is no QEMU, none of them is a machine. */
export const migrate: Benchmark = {
  name: NAME,
  summary:
    'a guest of 100 MB/s moves: downtime, bytes, and how long a page takes that is touched before it came; beside QEMU’s own pre-copy',
  async run(context) {
    const noMachine = whyNoMachine();
    if (noMachine !== undefined) context.progress(`not beside QEMU’s own pre-copy: ${noMachine}`);
    const rows = await overRoute(loopback(), context);
    const reason = whyNoLink();
    if (reason !== undefined) {
      context.progress(`only over the loopback: no link, ${reason}`);
      return rows;
    }
    await using link = await gigabitLink();
    return [...rows, ...(await overRoute(link, context))];
  },
};

async function overRoute(route: Route, context: Context): Promise<Row[]> {
  const { guestBytes, longRounds, progress, migrateProgram, peers } = context;
  const move = { program: migrateProgram, route, guestBytes, writesPerSecond: WRITES_PER_SECOND };
  const moves: Record<Mode, MoveFigures[]> = { precopy: [], postcopy: [], hybrid: [] };
  const tripsUs: number[] = [];
  const machines: { ours: MachineMove[]; qemu: MachineMove[] } = { ours: [], qemu: [] };
  const hasMachine = whyNoMachine() === undefined;
  for (let round = 0; round < longRounds; round++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const trips = await peers.pageTrips(route);
    tripsUs.push(quantileUs(trips, 0.5));
    for (const mode of ['precopy', 'postcopy', 'hybrid'] as const) {
      progress(`${route.name}: ${mode}, ${round + 1} of ${longRounds}`);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      moves[mode].push(await moveCounter({ ...move, mode }));
    }
    if (!hasMachine) continue;
    progress(`${route.name}: a machine, ${round + 1} of ${longRounds}`);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    machines.ours.push(await moveMachine(move));
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    machines.qemu.push(await moveByQemu(move));
  }
  const subject = (what: string) => `${sizeText(guestBytes)}, ${route.name}: ${what}`;
  const { precopy, postcopy, hybrid } = moves;
  return [
    {
      benchmark: NAME,
      subject: subject('the guest runs nowhere'),
      measured: series('post-copy', 'ms', postcopy.map(downtime)),
      peer: series('pre-copy', 'ms', precopy.map(downtime)),
    },
    {
      benchmark: NAME,
      subject: subject('bytes in all'),
      measured: series(
        'hybrid',
        'MiB',
        hybrid.map(({ sentBytes }) => sentBytes / MIB),
      ),
      peer: series(
        'the memory',
        'MiB',
        hybrid.map(({ memoryBytes }) => memoryBytes / MIB),
      ),
      goal: { kind: 'ratioAtMost', limit: HYBRID_MAX },
    },
    {
      benchmark: NAME,
      subject: subject('a page that is touched before it came'),
      measured: series(
        'post-copy, p99',
        'µs',
        postcopy.map(({ remoteFaultP99Us }) => remoteFaultP99Us),
      ),
      peer: series('a page over an idle connection, p50', 'µs', tripsUs),
      goal: { kind: 'ratioAtMost', limit: REMOTE_FAULT_MAX },
      ...(postcopy.some(({ remoteFaultP99Us }) => remoteFaultP99Us === 0)
        ? { voidBecause: 'no page was touched before it came' }
        : {}),
    },
    ...(hasMachine
      ? downtimeRows(NAME, subject, { counterMs: precopy.map(downtime), ...machines }, WRITES_PER_SECOND)
      : []),
  ];
}

function downtime({ downtimeMs }: MoveFigures): number {
  return downtimeMs;
}
