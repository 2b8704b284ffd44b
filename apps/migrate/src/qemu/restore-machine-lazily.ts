import { decodeMachine } from '@stillframe/guests/qemu';
import { openFiles, readWorkingSet, workingSetPath } from '@stillframe/guests/lazy';
import { pageCodec } from '../codec.ts';
import { exitCodeOfChild } from '../exec/exit-code-of-child.ts';
import { openImageFiles } from '../lazy/image-files.ts';
import { saveWorkingSet } from '../lazy/save-working-set.ts';
import { figureRows, rowsText } from '../lazy/serve-figures.ts';
import type { LoadOptions } from '../load-image.ts';
import { showCount } from '../report/units.ts';
import { LazyMachine } from './lazy-machine.ts';
import { checkedMachine } from './machine-target.ts';
import { qemuOf, untilEnded } from './restore-to-machine.ts';

/** `restore --lazy --into qemu`: the machine goes on at once, and its memory comes meanwhile. Ends as QEMU does. */
export async function restoreMachineLazily(
  path: string,
  command: readonly string[],
  prefetchBytesPerSecond: number,
  { isJson, ...options }: LoadOptions & { readonly isJson: boolean },
): Promise<void> {
  const { context, report, ...choice } = options;
  const qemu = qemuOf(command);
  using files = await openImageFiles(path, choice);
  const image = openFiles(files, pageCodec);
  const known = readWorkingSet(workingSetPath(path), image);
  const lazy = await LazyMachine.start({
    command: qemu,
    stdout: isJson ? 'stderr' : 'stdout',
    image,
    files,
    machine: checkedMachine(decodeMachine(image.readState()), image.regions),
    order: known,
    prefetchBytesPerSecond,
  });
  const { missingPages } = lazy;
  report.talk(`the machine goes on; ${showCount(missingPages)} pages are still to come`);
  report.event({ type: 'machine', state: 'running', command: qemu, missingPages });
  const serving = lazy.served().then((served) => {
    const { missingPages: left } = served.figures;
    const isWhole = left === 0;
    report.talk(
      isWhole ? 'all of its memory has come' : `QEMU has ended; ${showCount(left)} pages had not come`,
    );
    if (isWhole) report.event({ type: 'machine', state: 'whole' });
    return served;
  });
  // Both to their end, whatever comes of the other: until then the image is read.
  const [end, served] = await Promise.allSettled([untilEnded(lazy, context.signal), serving]);
  if (end.status === 'rejected') throw end.reason;
  if (served.status === 'rejected') throw served.reason;
  const child = end.value;
  const { figures, touched } = served.value;
  saveWorkingSet(path, image, { known, touched }, report);
  report.result(rowsText(figureRows(figures)), {
    type: 'summary',
    outcome: 'done',
    path,
    into: 'qemu',
    lazy: true,
    recordedRuns: known.length,
    ...figures,
    verified: false,
    child,
  });
  context.setExitCode(exitCodeOfChild(child));
}
