import { CliError } from '../cli-error.ts';
import type { ArrivalPlace } from './arrival-place.ts';

/**
 * Of a destination that keeps pictures in a file: a guest that moved into its memory would leave no file, and end with it. Says no before the guest has
 * stopped at its source.
 */
export function refusingPlace(): ArrivalPlace {
  return {
    target: {
      allocate: refuse,
      writePages: refuse,
      loadState: refuse,
      start: refuse,
      pause: async () => undefined,
      resume: async () => undefined,
      discard: async () => undefined,
    },
    live: refuse,
    end: async () => undefined,
  };
}

async function refuse(): Promise<never> {
  throw new CliError('REFUSED', '--into file: takes pictures, and this guest wants to move here', {
    hint: 'Start the destination with --into memory, exec or qemu, or the source without --mode.',
  });
}
