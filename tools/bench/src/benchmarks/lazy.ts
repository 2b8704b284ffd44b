import type { Benchmark, Context } from '../benchmark.ts';
import { series } from '../figure.ts';
import type { LazyFigures } from '../ours.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';

const NAME = 'lazy';
const FIRST_ACCESS_MAX_MS = 10;

/** How soon memory is there when its pages come on first touch, whatever the size of the image. */
export const lazy: Benchmark = {
  name: NAME,
  summary: 'an image restored lazily: the first access, against restoring all of it, for two sizes',
  async run(context) {
    const small = await measure(context, context.guestBytes);
    const large = await measure(context, context.guestBytes * 4);
    return [
      ...rows(context.guestBytes, small),
      ...rows(context.guestBytes * 4, large),
      sizes(context.guestBytes, small, large),
    ];
  },
};

async function measure({ rounds, ours, progress, withFile }: Context, bytes: number): Promise<LazyFigures[]> {
  return await withFile(async (path) => {
    progress(`making an image of ${sizeText(bytes)}`);
    await ours.makeImage({ path, bytes });
    const figures: LazyFigures[] = [];
    for (let round = 1; round <= rounds; round++) {
      progress(`round ${round} of ${rounds}`);
      // oxlint-disable-next-line no-await-in-loop -- one at a time
      figures.push(await ours.lazy({ path, bytes }));
    }
    return figures;
  });
}

function rows(bytes: number, figures: readonly LazyFigures[]): Row[] {
  const subject = `${sizeText(bytes)} image`;
  const eager = series(
    'restored as a whole',
    'ms',
    figures.map(({ eagerMs }) => eagerMs),
  );
  return [
    {
      benchmark: NAME,
      subject: `${subject}: first access`,
      measured: series(
        'lazy',
        'ms',
        figures.map(({ firstAccessMs }) => firstAccessMs),
      ),
      peer: eager,
      goal: { kind: 'atMost', limit: FIRST_ACCESS_MAX_MS },
    },
    {
      benchmark: NAME,
      subject: `${subject}: from opening the file to the first byte`,
      measured: series('lazy', 'ms', figures.map(firstByteMs)),
      peer: eager,
      note: 'most of it is the start of the thread that fills pages',
    },
  ];
}

function sizes(bytes: number, small: readonly LazyFigures[], large: readonly LazyFigures[]): Row {
  return {
    benchmark: NAME,
    subject: 'to the first byte, by size of the image',
    measured: series(sizeText(bytes * 4), 'ms', large.map(firstByteMs)),
    peer: series(sizeText(bytes), 'ms', small.map(firstByteMs)),
  };
}

function firstByteMs({ openMs, firstAccessMs }: LazyFigures): number {
  return openMs + firstAccessMs;
}
