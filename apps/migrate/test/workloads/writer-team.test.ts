import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { allocateControl, COMMAND_STOP, ControlBlock } from '../../src/workloads/control-block.ts';
import { WriterTeam, type WriterThread } from '../../src/workloads/writer-team.ts';
import type { CounterTask } from '../../src/workloads/counter/counter-writer.ts';
import type { WriterMessage } from '../../src/workloads/writer-gate.ts';

/** A writer that does only what the test says. */
class Puppet extends EventEmitter implements WriterThread {
  readonly received: unknown[] = [];

  postMessage(message: unknown): void {
    this.received.push(message);
  }

  say(message: WriterMessage): void {
    this.emit('message', message);
  }
}

function puppetTeam() {
  const buffers = allocateControl(2);
  const control = new ControlBlock(buffers);
  const puppets: [Puppet, Puppet] = [new Puppet(), new Puppet()];
  const waiting = [...puppets];
  // Nobody reads the task.
  const task: CounterTask = {
    role: 'counter-writer',
    control: buffers,
    memory: buffers.words,
    ledger: buffers.words,
    writer: 0,
    writers: 2,
    ratePerSecond: 0,
    fill: 0,
  };
  const team = new WriterTeam(control, [task, task], () => waiting.shift()!);
  return { control, team, puppets };
}

async function startedTeam() {
  const { control, team, puppets } = puppetTeam();
  const started = team.started();
  for (const puppet of puppets) puppet.say({ type: 'ready' });
  await started;
  const rest = (puppet: Puppet) => puppet.say({ type: 'resting', command: control.command() });
  return { control, team, puppets, rest };
}

/** Whether `promise` has settled by the time everything that is due has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const later = new Promise((resolve) => setImmediate(() => resolve('later')));
  return (await Promise.race([promise.then(() => 'done').catch(() => 'done'), later])) === 'done';
}

describe('WriterTeam', () => {
  test('is paused when the last writer rests', async () => {
    const { team, puppets, rest } = await startedTeam();
    const paused = team.pause();
    rest(puppets[0]);
    expect(await settled(paused)).toBe(false);
    expect(team.paused).toBe(false);
    rest(puppets[1]);
    await paused;
    expect(team.paused).toBe(true);
  });

  test('a writer that reports twice does not stand for the other', async () => {
    const { team, puppets, rest } = await startedTeam();
    const paused = team.pause();
    rest(puppets[0]);
    rest(puppets[0]);
    expect(await settled(paused)).toBe(false);
  });

  test('pause and resume are idempotent', async () => {
    const { control, team, puppets, rest } = await startedTeam();
    const first = team.pause();
    const command = control.command();
    const second = team.pause();
    expect(control.command()).toBe(command);
    for (const puppet of puppets) rest(puppet);
    await Promise.all([first, second, team.pause()]);
    team.resume();
    const running = control.command();
    expect(running % 2).toBe(0);
    team.resume();
    expect(control.command()).toBe(running);
    expect(team.paused).toBe(false);
  });

  test('a report of an earlier pause does not count', async () => {
    const { control, team, puppets, rest } = await startedTeam();
    const abandoned = team.pause();
    const earlier = control.command();
    rest(puppets[0]);
    team.resume();
    await expect(abandoned).rejects.toMatchObject({ code: 'WORKLOAD_RESUMED' });
    const paused = team.pause();
    puppets[1].say({ type: 'resting', command: earlier });
    rest(puppets[0]);
    expect(await settled(paused)).toBe(false);
    rest(puppets[1]);
    await paused;
  });

  test('a writer that dies ends the pause that waits for it', async () => {
    const { team, puppets, rest } = await startedTeam();
    const cause = new Error('out of ink');
    const paused = team.pause();
    rest(puppets[0]);
    puppets[1].emit('error', cause);
    await expect(paused).rejects.toMatchObject({ code: 'WORKLOAD_WRITER_DIED', cause });
    expect(team.failure).toMatchObject({
      code: 'WORKLOAD_WRITER_DIED',
      message: 'a writer died: out of ink',
    });
    team.resume();
    await expect(team.pause()).rejects.toBe(team.failure);
  });

  test('a writer that just ends is dead, too', async () => {
    const { team, puppets } = await startedTeam();
    puppets[0].emit('exit', 0);
    expect(team.failure).toMatchObject({ code: 'WORKLOAD_WRITER_DIED' });
  });

  test('does not start when one writer cannot', async () => {
    const { control, team, puppets } = puppetTeam();
    const started = team.started();
    puppets[0].say({ type: 'ready' });
    puppets[1].emit('error', new Error('no memory'));
    expect(await settled(started)).toBe(false);
    expect(control.command()).toBe(COMMAND_STOP);
    for (const puppet of puppets) puppet.emit('exit', 0);
    await expect(started).rejects.toMatchObject({ code: 'WORKLOAD_START' });
  });

  test('hands out a message only at rest, and waits until all rest again', async () => {
    const { team, puppets, rest } = await startedTeam();
    await expect(team.hand('early')).rejects.toMatchObject({ code: 'WORKLOAD_NOT_PAUSED' });
    const paused = team.pause();
    for (const puppet of puppets) rest(puppet);
    await paused;
    const handed = team.hand('letter');
    expect(puppets.map(({ received }) => received)).toEqual([['letter'], ['letter']]);
    rest(puppets[0]);
    expect(await settled(handed)).toBe(false);
    rest(puppets[1]);
    await handed;
    expect(team.paused).toBe(true);
  });

  test('stop is idempotent, waits for the threads, and ends a pause', async () => {
    const { control, team, puppets } = await startedTeam();
    const paused = team.pause();
    const stops = [team.stop(), team.stop()];
    expect(control.command()).toBe(COMMAND_STOP);
    await expect(paused).rejects.toMatchObject({ code: 'WORKLOAD_STOPPED' });
    puppets[0].emit('exit', 0);
    expect(await settled(Promise.all(stops))).toBe(false);
    puppets[1].emit('exit', 0);
    await Promise.all(stops);
    expect(team.failure).toBeUndefined();
    team.resume();
    expect(control.command()).toBe(COMMAND_STOP);
    await expect(team.pause()).rejects.toMatchObject({ code: 'WORKLOAD_STOPPED' });
  });
});
