import { LazyMemory, readWorkingSet, workingSetPath } from '@stillframe/guests/lazy';
import { exitCodes } from '../exit-code.ts';
import { pageCodec } from '../codec.ts';
import type { LoadOptions } from '../load-image.ts';
import { showMs } from '../report/units.ts';
import { verifyImage } from '../verify-image.ts';
import { openImageFiles } from './image-files.ts';
import { fillOptions } from './lazy-options.ts';
import { saveWorkingSet } from './save-working-set.ts';
import { figureRows, figuresOf, rowsText } from './serve-figures.ts';

/** `restore --lazy --into memory`: the oracle is what touches the pages. */
export async function restoreLazily(path: string, prefetch: number, options: LoadOptions): Promise<void> {
  const { context, report, ...choice } = options;
  using files = await openImageFiles(path, choice);
  const startedAt = performance.now();
  await using lazy = await LazyMemory.open(files, { ...fillOptions(), codec: pageCodec });
  const openMs = performance.now() - startedAt;
  const { image, server, views } = lazy;
  const firstAccessMs = firstAccess(views);
  const wsPath = workingSetPath(path);
  const known = readWorkingSet(wsPath, image);
  server.prefetch(known, prefetch);
  const regions = new Map(image.regions.map(({ name, id }) => [name, views[id]!]));
  const check = await verifyImage({ state: image.readState(), regions }, { signal: context.signal });
  const touched = server.touched();
  saveWorkingSet(path, image, { known, touched }, report);
  const figures = figuresOf(server);
  const isRefused = check.oracle !== null && !check.verified;
  report.result(
    rowsText([
      ['open', showMs(openMs)],
      ['first access', showMs(firstAccessMs)],
      ...figureRows(figures),
      ['known', `${known.length} stretches were recorded in ${wsPath}`],
      ['digest', 'not checked: it is of all pages; every page that came was checked'],
      [
        'oracle',
        check.oracle === null
          ? 'none for this guest'
          : `${check.oracle} ${isRefused ? `does not accept it: ${check.message}` : 'accepts it'}`,
      ],
    ]),
    {
      type: 'summary',
      outcome: isRefused ? 'refused' : 'done',
      path,
      into: 'memory',
      lazy: true,
      openMs,
      firstAccessMs,
      recordedRuns: known.length,
      ...figures,
      ...check,
      // By the contract that is the digest and the oracle, and the digest was not looked at.
      verified: false,
      oracleAccepts: check.verified,
    },
  );
  if (isRefused) {
    report.talk(`the oracle does not accept ${path}: ${check.message}`);
    context.setExitCode(exitCodes.refused);
  }
}

/** The middle of the largest region, before anything is fetched ahead. */
function firstAccess(views: readonly Uint8Array[]): number {
  const [view] = views.toSorted((a, b) => b.length - a.length);
  const at = Math.floor((view?.length ?? 0) / 2);
  const startedAt = performance.now();
  Reflect.get(view ?? [], at);
  return performance.now() - startedAt;
}
