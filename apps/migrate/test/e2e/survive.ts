import { expect } from 'vitest';
import { type Child, type Exit, migrate, startSource } from './child.ts';

/** A picture that takes seconds, because the writers meet few of its pages: whatever happens to it happens in the middle. */
export function startSlowSource(to: string, ...args: readonly string[]): Child {
  return startSource(
    to,
    'counter,size=16MiB,rate=100',
    '--limiter',
    'token-bucket,rate=2MiB/s,burst=1MiB',
    ...args,
  );
}

/** The guest was seen to write after the failure (I-4). */
export function expectGuestGoesOn({ lines }: Exit): void {
  expect(lines.findLast(({ type }) => type === 'workload')).toMatchObject({
    state: 'running',
    writes: expect.any(Number),
  });
}

/** An image is under its final name only when it is whole (I-7). `names` are those in its folder. */
export async function expectWholeOrAbsent(image: string, names: readonly string[]): Promise<void> {
  if (names.includes('image.sfp')) expect(await migrate('verify', image).exit).toMatchObject({ code: 0 });
}
