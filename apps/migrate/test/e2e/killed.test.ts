import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startDest, startSource } from './child.ts';
import { imagePlace } from './folder.ts';
import { expectGuestGoesOn, expectWholeOrAbsent, startSlowSource } from './survive.ts';
import { needUserfaultfd } from './userfaultfd.ts';

// Those of the pause are told after it, all at once; the stream is where a slow picture is.
const STREAMING = ['prepare', 'pause', 'arm', 'resume', 'stream'];

test.for(STREAMING)('the destination is killed when the source is at %s', async (phase, context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = startSlowSource(dest.to);
  await source.line('phase', { phase });
  dest.child.kill('SIGKILL');
  const survivor = await source.exit;
  expect(survivor).toMatchObject({ code: 11, summary: { outcome: 'peer-lost', verified: false } });
  expectGuestGoesOn(survivor);
  expect((await names()).filter((name) => name.endsWith('.sfp'))).toEqual([]);
});

test.for(STREAMING)('the source is killed when it is at %s', async (phase, context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = startSlowSource(dest.to);
  await source.line('phase', { phase });
  source.kill('SIGKILL');
  expect(await dest.child.exit).toMatchObject({
    code: 11,
    summary: { outcome: 'peer-lost', verified: false },
  });
  expect(await names()).toEqual([]);
});

// From END on the kill and the acknowledgement may overtake each other; what is believed on either side has to be true all the same.
test.for(['receive', 'verify', 'commit'])(
  'the destination is killed when it is at %s',
  async (phase, context) => {
    needUserfaultfd(context);
    const { image, names } = await imagePlace();
    const dest = await startDest('--into', `file:${image}`, '--once');
    const source = startSource(dest.to, 'sqlite,rows=2000');
    await dest.child.line('phase', { phase });
    dest.child.kill('SIGKILL');
    const survivor = await source.exit;
    const found = await names();
    // Acknowledged is what is kept, and only what is whole is kept. Not acknowledged may be kept, too.
    expect([0, 11]).toContain(survivor.code);
    expect(found.includes('image.sfp') || survivor.code === 11).toBe(true);
    expect(survivor.summary).toMatchObject({ verified: survivor.code === 0 });
    await expectWholeOrAbsent(image, found);
  },
);

test.for(['disarm', 'end'])('the source is killed when it is at %s', async (phase, context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const dest = await startDest('--into', `file:${image}`, '--once');
  const source = startSource(dest.to, 'sqlite,rows=2000');
  await source.line('phase', { phase });
  source.kill('SIGKILL');
  const survivor = await dest.child.exit;
  expect([0, 11]).toContain(survivor.code);
  const found = await names();
  expect(found).toEqual(survivor.code === 0 ? ['image.sfp'] : []);
  await expectWholeOrAbsent(image, found);
});

test('what a killed destination leaves behind is in nobody’s way, and the next one says where it is', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const killed = await startDest('--into', `file:${image}`, '--once');
  const interrupted = startSlowSource(killed.to);
  await interrupted.line('phase', { phase: 'stream' });
  killed.child.kill('SIGKILL');
  expect(await interrupted.exit).toMatchObject({ code: 11 });
  const [partial, ...others] = await names();
  expect(partial).toMatch(/^\.image\.sfp\.[0-9a-f]+\.partial$/);
  expect(others).toEqual([]);

  const dest = await startDest('--into', `file:${image}`, '--once');
  const left = path.join(await realpath(path.dirname(image)), partial!);
  expect(await startSource(dest.to, 'counter,size=2MiB').exit).toMatchObject({ code: 0 });
  const came = await dest.child.exit;
  expect(came).toMatchObject({ code: 0, summary: { verified: true } });
  expect(came.lines).toContainEqual({ type: 'left-behind', path: left, sizeBytes: expect.any(Number) });
  expect(came.stderr).toContain(`left behind by a run that was killed: ${left}`);
  expect(await names()).toEqual([partial, 'image.sfp']);
});

test('what another destination is writing has not been left behind', async (context) => {
  needUserfaultfd(context);
  const { image, names } = await imagePlace();
  const writing = await startDest('--into', `file:${image}`, '--once');
  const source = startSlowSource(writing.to);
  await source.line('phase', { phase: 'stream' });
  expect(await names()).toEqual([expect.stringMatching(/^\.image\.sfp\.[0-9a-f]+\.partial$/)]);
  const dest = await startDest('--into', `file:${image}`, '--once');
  expect(await startSource(dest.to, 'counter,size=2MiB').exit).toMatchObject({ code: 0 });
  expect((await dest.child.exit).lines).not.toContainEqual(expect.objectContaining({ type: 'left-behind' }));
  source.kill('SIGTERM');
  await Promise.all([source.exit, writing.child.exit]);
});
