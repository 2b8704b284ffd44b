/**
 * The numbers below `count` in the order of `compare`; equal ones stay as they are. Stretches that are in order already are merged: one pass
 * for all of them, or for twice as many one more.
 */
export function mergeStretches(count: number, compare: (a: number, b: number) => number): Uint32Array {
  let order = new Uint32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  let ends: number[] = [];
  for (let at = 1; at <= count; at++) {
    if (at === count || compare(at - 1, at) > 0) ends.push(at);
  }
  let room = new Uint32Array(ends.length > 1 ? count : 0);
  while (ends.length > 1) {
    const merged: number[] = [];
    for (let pair = 0; pair < ends.length; pair += 2) {
      const start = pair === 0 ? 0 : ends[pair - 1]!;
      const middle = ends[pair]!;
      const end = ends[pair + 1] ?? middle;
      mergeTwo(order, room, start, middle, end, compare);
      merged.push(end);
    }
    ends = merged;
    [order, room] = [room, order];
  }
  return order;
}

/** `from[start, middle)` and `from[middle, end)`, each in order, into `to`. */
function mergeTwo(
  from: Uint32Array,
  to: Uint32Array,
  start: number,
  middle: number,
  end: number,
  compare: (a: number, b: number) => number,
): void {
  let left = start;
  let right = middle;
  for (let at = start; at < end; at++) {
    const takesLeft = left < middle && (right >= end || compare(from[left]!, from[right]!) <= 0);
    to[at] = takesLeft ? from[left++]! : from[right++]!;
  }
}
