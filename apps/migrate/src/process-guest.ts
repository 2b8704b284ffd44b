import { decodeProcessState } from '@stillframe/guests/core';
import { processGuest } from '@stillframe/guests/process';
import type { Guest, GuestState } from '@stillframe/snapshot';
import type { ProcessChoice } from './options/process-options.ts';

/** What a picture says of its process. */
export interface ProcessFacts {
  readonly pid: number;
  /** The command line. */
  readonly command: string;
  readonly threads: number;
  readonly mappings: number;
  /** How long the process stood still before the picture, to be made ready for it. */
  readonly attachPauseMs: number;
}

/** A process as a guest, which also tells what the cut found of it. */
export interface OpenProcess extends Guest {
  /** After the cut. */
  facts(): ProcessFacts;
}

/** Throws ProcessGuestError; the process goes on then. */
export async function openProcess(
  { pid, filter, includeDontDump, copyMaxBytes }: ProcessChoice,
  { spillDirectory }: { readonly spillDirectory?: string },
): Promise<OpenProcess> {
  const guest = await processGuest({
    pid,
    filter,
    includeDontDump,
    ...(copyMaxBytes === undefined ? {} : { copyMaxBytes }),
    ...(spillDirectory === undefined ? {} : { spillDirectory }),
  });
  let saved: GuestState | undefined;
  return {
    regionsAtCut: guest.regionsAtCut,
    get regions() {
      return guest.regions;
    },
    pause: () => guest.pause(),
    resume: () => guest.resume(),
    async saveState() {
      saved = await guest.saveState();
      return saved;
    },
    open: (options) => guest.open(options),
    [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose](),
    facts() {
      if (saved === undefined) throw new Error('there was no cut');
      const { args, fname, threads, mappings } = decodeProcessState(saved);
      return {
        pid,
        command: args === '' ? fname : args,
        threads: threads.length,
        mappings: mappings.length,
        attachPauseMs: guest.attachPauseMs,
      };
    },
  };
}
