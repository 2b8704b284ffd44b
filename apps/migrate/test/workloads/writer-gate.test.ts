import { describe, expect, onTestFinished, test } from 'vitest';
import { allocateControl, ControlBlock, writerActivity } from '../../src/workloads/control-block.ts';
import { WriterTeam } from '../../src/workloads/writer-team.ts';

/** A counter writer of one page that writes once, then has nothing due for years. */
async function sleepyTeam() {
  const buffers = allocateControl(1);
  const control = new ControlBlock(buffers);
  const team = new WriterTeam(control, [
    {
      role: 'counter-writer',
      control: buffers,
      memory: new SharedArrayBuffer(4096),
      ledger: new SharedArrayBuffer(8),
      writer: 0,
      writers: 1,
      ratePerSecond: 1e-8,
      fill: 0,
    },
  ]);
  onTestFinished(() => team.stop());
  await team.started();
  return { control, team };
}

/** Blocks until the writer does `activity`; it needs nothing of this thread meanwhile. */
function awaitActivity(control: ControlBlock, activity: number): void {
  const word = control.activityWord(0);
  for (let now = control.words[word]!; now !== activity; now = Atomics.load(control.words, word)) {
    Atomics.wait(control.words, word, now);
  }
}

describe('WriterGate', () => {
  test('a writer that waits for its pace is woken by a pause, and does not write when resumed', async () => {
    const { control, team } = await sleepyTeam();
    awaitActivity(control, writerActivity.waiting);
    expect(control.writes(0)[0]).toBe(1);
    await team.pause();
    expect(Atomics.load(control.words, control.activityWord(0))).toBe(writerActivity.resting);
    team.resume();
    awaitActivity(control, writerActivity.waiting);
    await team.pause();
    expect(control.writes(0)[0]).toBe(1);
  });

  test('a writer that waits for its pace is woken by a stop', async () => {
    const { control, team } = await sleepyTeam();
    awaitActivity(control, writerActivity.waiting);
    await team.stop();
    expect(team.failure).toBeUndefined();
  });

  test('a writer at rest is woken by a stop', async () => {
    const { team } = await sleepyTeam();
    await team.pause();
    await team.stop();
    expect(team.failure).toBeUndefined();
  });
});
