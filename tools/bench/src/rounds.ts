/** One side of a comparison. */
export type Contender<T> = () => Promise<T>;

/**
 * Lets every contender run once a round and gives what each brought, round by round.
 *
 * Never two at once. The order turns around with each round, so that a machine that grows slower or faster meanwhile favours nobody.
 */
export async function alternate<K extends string, T>(
  rounds: number,
  contenders: Readonly<Record<K, Contender<T>>>,
  progress: (text: string) => void,
): Promise<Record<K, T[]>> {
  const names: K[] = [];
  for (const name in contenders) names.push(name);
  const results = new Map(names.map((name) => [name, [] as T[]]));
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      progress(`round ${round + 1} of ${rounds}: ${name}`);
      // oxlint-disable-next-line no-await-in-loop -- one at a time is the point
      results.get(name)!.push(await contenders[name]());
    }
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the map has all of K
  return Object.fromEntries(results) as Record<K, T[]>;
}
