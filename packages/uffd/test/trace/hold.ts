import { expect } from 'vitest';
import { COMMAND, STEP, type StepName } from '../../src/trace/protocol.ts';
import type { TracerProcess } from '../../src/trace/tracer-process.ts';

/** For tracers that are held: nothing of theirs runs out while a test looks around. */
export const LIMITS = { stopTimeoutMs: 20_000, stoppedMaxMs: 60_000 };
export const ANSWER_MS = 10_000;

/** Brings the tracer to that step, where it waits for COMMAND.continue. */
export function holdAt(tracer: TracerProcess, step: StepName): void {
  tracer.request(COMMAND.pauseAt, STEP[step], ANSWER_MS);
  if (STEP[step] > STEP.standing) tracer.request(COMMAND.stop, 1, ANSWER_MS);
  tracer.send(STEP[step] > STEP.standing ? COMMAND.makeUserfaultfd : COMMAND.stop, 0);
  expect(tracer.receive(ANSWER_MS).reply).toMatchObject({ command: COMMAND.paused, step: STEP[step] });
}
