import { type Benchmark, type Context, MIB } from '../benchmark.ts';
import { series } from '../figure.ts';
import type { PageKind } from '../peers.ts';
import { alternate } from '../rounds.ts';
import type { Row } from '../row.ts';
import { sizeText } from '../size-text.ts';

const NAME = 'arm';
const RATIO_MAX = 1.2;
const NS_PER_MS = 1e6;

interface Case {
  readonly kind: PageKind;
  readonly name: string;
  readonly ahead: boolean;
}

const CASES: readonly Case[] = [
  { kind: 'base', name: '4 KiB pages', ahead: false },
  { kind: 'base', name: '4 KiB pages, armed ahead: what is left for the pause', ahead: true },
  { kind: 'huge', name: 'huge pages', ahead: false },
  { kind: 'untouched', name: 'never touched', ahead: false },
];

/** `arm()` against the ioctl that it is made of; and what a capture of memory that was never touched costs. */
export const arm: Benchmark = {
  name: NAME,
  summary: 'arm() against one bare UFFDIO_WRITEPROTECT; capturing memory that was never touched',
  async run(context) {
    const rows: Row[] = [];
    for (const each of CASES) {
      // oxlint-disable-next-line no-await-in-loop -- one measurement at a time
      rows.push(await compare(context, each));
    }
    rows.push(await untouched(context));
    return rows;
  },
};

async function compare(
  { guestBytes, rounds, ours, peers, progress }: Context,
  { kind, name, ahead }: Case,
): Promise<Row> {
  const results = await alternate(
    rounds,
    {
      engine: () => ours.arm(guestBytes, kind, ahead),
      bare: () => peers.arm(guestBytes, kind),
    },
    (text) => progress(`${name}, ${text}`),
  );
  const isVoid =
    kind === 'huge' &&
    [...results.engine, ...results.bare].some(({ hugeBytes }) => hugeBytes < guestBytes / 2);
  return {
    benchmark: NAME,
    subject: `${sizeText(guestBytes)}, ${name}`,
    measured: series(
      'arm()',
      'ms',
      results.engine.map(({ ns }) => ns / NS_PER_MS),
    ),
    peer: series(
      'bare ioctl',
      'ms',
      results.bare.map(({ ns }) => ns / NS_PER_MS),
    ),
    goal: { kind: 'ratioAtMost', limit: RATIO_MAX },
    ...(isVoid ? { voidBecause: 'this machine gave no transparent huge pages' } : {}),
  };
}

async function untouched({ guestBytes, rounds, ours, progress }: Context): Promise<Row> {
  const { engine } = await alternate(rounds, { engine: () => ours.captureUntouched(guestBytes) }, (text) =>
    progress(`complete capture of never touched memory, ${text}`),
  );
  const allZero = engine.every(({ dataBytes, zeroPages }) => dataBytes === 0 && zeroPages > 0);
  return {
    benchmark: NAME,
    subject: `${sizeText(guestBytes)}, never touched, captured completely: memory that became resident`,
    measured: series(
      'capture',
      'MiB',
      engine.map(({ residentBytes }) => residentBytes / MIB),
      'worst',
    ),
    peer: series('its size', 'MiB', [guestBytes / MIB]),
    goal: { kind: 'atMost', limit: 0 },
    note: allZero ? 'travels as zero runs, without bytes' : 'NOT all of it travelled as zero runs',
  };
}
