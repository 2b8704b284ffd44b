import type { MovingTarget } from '@stillframe/migration';
import type { ChildEnd, ExecOptions } from './exec-child.ts';
import { ExecMemory } from './exec-target.ts';

export interface ExecMovingTarget extends MovingTarget {
  /** Resolves when the child has ended; undefined when none was started. */
  ended(): Promise<ChildEnd | undefined>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * A guest that moves into a child process. The child is started when everything is there and says `ready` before this side agrees to
 * take the guest over; `start` is what makes it the owner. A child that fails before that costs nothing: the source goes on.
 */
export function execMovingTarget(options: ExecOptions): ExecMovingTarget {
  const memory = new ExecMemory(options);
  const ask = async (word: string, answer: string): Promise<void> => {
    const { child } = memory;
    if (child === undefined) throw new Error('the child was not started');
    child.say(word);
    await child.expect(answer);
  };
  return {
    allocate: async (regions) => memory.allocate(regions),
    writePages: (region, runs, bytes) => memory.writePages(region, runs, bytes),
    async loadState(state) {
      memory.setState(state);
      const child = await memory.spawn();
      await child.expect('ready');
    },
    start: () => ask('start', 'started'),
    pause: () => ask('pause', 'paused'),
    resume: () => ask('resume', 'resumed'),
    discard: () => memory.discard(),
    ended: async () => await memory.child?.ended,
    kill: (signal) => memory.child?.kill(signal),
  };
}
