import type { TestMachine } from '../../../vm-guest/src/test-machine.ts';
import type { Benchmark, Context } from '../benchmark.ts';
import { alternate, type Contender } from '../rounds.ts';
import { sizeText } from '../size-text.ts';
import { backgroundSnapshot } from '../vm/background-snapshot.ts';
import type { FeltPicture, MachinePicture, VmSink } from '../vm/figures.ts';
import { bootMachine, feltBy } from '../vm/machine.ts';
import { SINKS, type SinkName, vmRows } from '../vm/rows.ts';
import { whyNoMachine } from '../vm/why-no-machine.ts';

const NAME = 'vm';
const SLOW_BYTES_PER_SECOND = 50e6;
const STALLS = 3;

/** A machine of QEMU under TCG that writes, pictured by us and by QEMU itself. */
export const vm: Benchmark = {
  name: NAME,
  summary: 'a running virtual machine, beside QEMU’s own background-snapshot: time, stalls, pause',
  async run(context) {
    const { guestBytes, stallMs, longRounds, ours, peers, progress } = context;
    const reason = whyNoMachine();
    if (reason !== undefined) {
      progress(`nothing measured: ${reason}`);
      return [];
    }
    progress('booting');
    await using shared = await bootMachine(guestBytes, {});
    // QEMU does best with memory of its own.
    await using unshared = await bootMachine(guestBytes, { isPrivate: true });
    const contenders = SINKS.flatMap((sink): [string, Contender<FeltPicture>][] => [
      [`ours ${sink}`, () => taken(shared, sink, context, (to) => ours.machine(shared.qmp, to))],
      [
        `qemu ${sink}`,
        () => taken(unshared, sink, context, (to) => backgroundSnapshot(unshared.qmp, to, peers)),
      ],
    ]);
    const results = await alternate<string, FeltPicture>(
      longRounds,
      Object.fromEntries(contenders),
      progress,
    );
    const of = (side: string, sink: SinkName) => results[`${side} ${sink}`] ?? [];
    const all = (side: string) => ({
      null: of(side, 'null'),
      pipe: of(side, 'pipe'),
      file: of(side, 'file'),
      slow: of(side, 'slow'),
      stalling: of(side, 'stalling'),
    });
    const subject = `a machine that writes ${sizeText(guestBytes)} of its memory`;
    return vmRows(
      NAME,
      subject,
      { ours: all('ours'), qemu: all('qemu') },
      {
        null: 'null sink',
        pipe: 'cat >/dev/null',
        file: 'tmpfs file',
        slow: 'sink of 50 MB/s',
        stalling: `sink that stalls ${STALLS} times for ${stallMs / 1000} s`,
      },
      stallMs,
    );
  },
};

function taken(
  machine: TestMachine,
  sink: SinkName,
  { withFile, guestBytes, stallMs }: Context,
  take: (sink: VmSink) => Promise<MachinePicture>,
): Promise<FeltPicture> {
  const into = (to: VmSink) => feltBy(machine, () => take(to));
  switch (sink) {
    case 'file':
      return withFile((path) => into({ kind: 'file', path }));
    case 'slow':
      return into({ kind: 'slow', bytesPerSecond: SLOW_BYTES_PER_SECOND });
    case 'stalling':
      return into({ kind: 'stalling', stalls: STALLS, stallMs, imageBytes: guestBytes });
    case 'null':
    case 'pipe':
    default:
      return into({ kind: sink });
  }
}
