import { describe, expect, it } from 'vitest';
import { PackOrder, SLABS_UNDER_WAY_MAX } from '../src/pack-order.ts';

/** Lets everything happen that waits for nothing but its turn. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('pack order', () => {
  it('begins in order, and each knows the results of all but the last ones before it', async () => {
    const learned: number[] = [];
    const order = new PackOrder<number>((result) => learned.push(result));
    const ends: (() => void)[] = [];
    const knew: number[][] = [];
    const count = SLABS_UNDER_WAY_MAX + 3;
    const taken = Array.from({ length: count }, (_, number) =>
      order.take(() => {
        knew.push([...learned]);
        return new Promise<number>((resolve) => ends.push(() => resolve(number)));
      }),
    );
    await settle();
    expect(knew).toEqual(Array.from({ length: SLABS_UNDER_WAY_MAX }, () => []));
    // The second is done before the first: nobody hears of it before its time.
    ends[1]!();
    await settle();
    expect(knew.length).toBe(SLABS_UNDER_WAY_MAX);
    ends[0]!();
    await settle();
    expect(knew.slice(SLABS_UNDER_WAY_MAX)).toEqual([[0], [0, 1]]);
    for (let number = 2; number < count; number++) {
      ends[number]?.();
      // oxlint-disable-next-line no-await-in-loop -- the last ones begin only now
      await settle();
    }
    expect(await Promise.all(taken)).toEqual(Array.from({ length: count }, (_, number) => number));
  });

  it('what fails teaches nothing, and stops nobody', async () => {
    const learned: number[] = [];
    const order = new PackOrder<number>((result) => learned.push(result));
    const failing = order.take(() => Promise.reject(new Error('no memory')));
    await expect(failing).rejects.toThrow('no memory');
    const results = await Promise.all(
      Array.from({ length: SLABS_UNDER_WAY_MAX + 1 }, (_, number) => order.take(async () => number)),
    );
    expect(results).toHaveLength(SLABS_UNDER_WAY_MAX + 1);
    expect(learned).toEqual([0]);
  });
});
