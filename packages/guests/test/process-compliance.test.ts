import { monotonicClock } from '@stillframe/snapshot';
import { guestCompliance } from '@stillframe/snapshot/compliance';
import { afterAll, beforeAll, describe } from 'vitest';
import { processGuest } from '../src/process/index.ts';
import { MemoryFiles } from '../src/process/memory-files.ts';
import { ProcDirectory } from '../src/process/proc-directory.ts';
import { runCases } from './run-cases.ts';
import { TargetProgram } from './target.ts';

const PAGE = 4096;

let program: TargetProgram;
beforeAll(() => {
  program = new TargetProgram('puppet');
});
afterAll(() => program[Symbol.asyncDispose]());

/** Only shared memory can be had alone: every process has private memory that no test writes to. */
describe('a guest that is another process complies', () => {
  const cases = guestCompliance({
    cannot: { untouched: 'shared memory that was never touched has no pages that could be captured' },
    makeGuest: async () => {
      const target = await program.start('');
      const files = new MemoryFiles(new ProcDirectory(target.pid));
      const guest = await processGuest({ pid: target.pid, filter: ['shared'] });
      return {
        guest,
        clock: monotonicClock,
        write: (region, page, bytes) => target.write(region, page, bytes),
        read: (region, page) => {
          const into = new Uint8Array(PAGE);
          files.read(target.made(`region-${region}`).address + BigInt(page * PAGE), into);
          return into;
        },
        [Symbol.asyncDispose]: async () => {
          await guest[Symbol.asyncDispose]();
          files.close();
          target.child.kill('SIGKILL');
        },
      };
    },
  });
  // What shared memory cannot have is not a test that is skipped.
  runCases(cases.filter(({ skip }) => skip === undefined));
});
