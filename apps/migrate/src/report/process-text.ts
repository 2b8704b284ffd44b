import type { ProcessState } from '@stillframe/guests/core';
import { type MemoryTally, tallyMemory } from './memory-tally.ts';
import { showBytes, showCount, showForeign } from './units.ts';

/** Threads that are named one by one; of the others there is only the number. */
const THREADS_SHOWN = 8;

/** What an image of a process has, for people. */
export function processRows(state: ProcessState): [string, string][] {
  const { pid, args, fname, exe, threads, mappings, regions, filter } = state;
  const tallies = tallyMemory(state);
  const shown = threads.slice(0, THREADS_SHOWN).map(({ tid, comm }) => `${tid} ${showForeign(comm)}`);
  const more = threads.length > THREADS_SHOWN ? ', …' : '';
  const cut = new Date(Number(state.cutUnixNs / 1_000_000n));
  return [
    ['process', `${pid}, ${showForeign(args === '' ? fname : args)}`],
    ['program', `${showForeign(exe)}, ${state.arch}`],
    ['cut', Number.isNaN(cut.getTime()) ? 'at no time that there is' : cut.toISOString()],
    ['threads', `${showCount(threads.length)}: ${shown.join(', ')}${more}`],
    ['mappings', `${showCount(mappings.length)}; ${showCount(regions.length)} regions of them are in`],
    [
      'filter',
      `${filter.join(', ')}${state.includesDontDump ? ', and what is marked as not to be dumped' : ''}`,
    ],
    ...tallies.map((tally, index): [string, string] => [index === 0 ? 'memory' : '', tallyText(tally)]),
  ];
}

function tallyText({ kind, mappings, sizeBytes, inBytes }: MemoryTally): string {
  const what = `${kind.padEnd(14)} ${showCount(mappings).padStart(6)} of ${showBytes(sizeBytes)}`;
  return `${what.padEnd(36)} ${inBytes === 0 ? 'left out' : `${showBytes(inBytes)} in`}`;
}

/** The same for machines. */
export function processObject(state: ProcessState): object {
  const { pid, args, fname, exe, arch, threads, mappings, regions, filter, includesDontDump } = state;
  return {
    pid,
    command: args === '' ? fname : args,
    exe,
    arch,
    cutUnixNs: String(state.cutUnixNs),
    threads: threads.map(({ tid, comm }) => ({ tid, comm })),
    mappings: mappings.length,
    regions: regions.length,
    filter,
    includesDontDump,
    memory: tallyMemory(state),
  };
}
