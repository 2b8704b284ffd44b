/** Longer names are compared by their start; no name we know is as long. */
const MAX_COMPARED = 64;

/** The candidate that takes the fewest insertions, deletions and exchanges of a letter to reach from `name`. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const asked = name.slice(0, MAX_COMPARED).toLowerCase();
  return candidates
    .map((candidate) => ({ candidate, edits: edits(asked, candidate.toLowerCase()) }))
    .toSorted((a, b) => a.edits - b.edits)[0]?.candidate;
}

function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let line = 0; line < from.length; line++) {
    const above = row;
    row = [line + 1];
    for (let column = 0; column < to.length; column++) {
      const exchange = above[column]! + (to[column] === from[line] ? 0 : 1);
      row.push(Math.min(exchange, above[column + 1]! + 1, row[column]! + 1));
    }
  }
  return row[to.length]!;
}
