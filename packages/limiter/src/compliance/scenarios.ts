/** A sink that takes bytes at a rate and, if it stalls, does nothing for `lastsNs` once every `everyNs`. */
export interface SinkScript {
  readonly bytesPerSecond: number;
  readonly stall?: { readonly everyNs: number; readonly lastsNs: number };
}

/** A guest, a store and a sink for one simulated capture. */
export interface Scenario {
  readonly name: string;
  readonly pageCount: number;
  readonly pageSize: number;
  /** Pages that fit the pre-image store. A fault always finds room. */
  readonly storePages: number;
  readonly sink: SinkScript;
  /** The guest faults on a page that is still armed, this often; absent: never. */
  readonly faultEveryNs?: number;
  /** It rests after this many; absent: it goes on. */
  readonly faultCount?: number;
  /** What the clock shows at a true time; absent: the truth. */
  readonly clock?: (trueNs: number) => number;
}

const SECOND_NS = 1e9;

const base = {
  pageCount: 4096,
  pageSize: 4096,
  storePages: 1024,
  sink: { bytesPerSecond: 1e9 },
};
const stall = { everyNs: 1.5 * SECOND_NS, lastsNs: SECOND_NS };

/** In each of these the sink makes progress, so the sweep must finish. */
export const SCENARIOS: readonly Scenario[] = [
  { ...base, name: 'a fast sink and a quiet guest' },
  { ...base, name: 'one page', pageCount: 1 },
  { ...base, name: 'a slow sink', sink: { bytesPerSecond: 5e6 } },
  { ...base, name: 'a slow sink and a store of a few pages', storePages: 8, sink: { bytesPerSecond: 5e6 } },
  { ...base, name: 'a sink that stalls for a second at a time', sink: { bytesPerSecond: 1e7, stall } },
  { ...base, name: 'faults all the time', faultEveryNs: 20_000 },
  {
    ...base,
    name: 'a few faults, then a quiet guest',
    faultEveryNs: 20_000,
    faultCount: 300,
    storePages: 64,
  },
  { ...base, name: 'a fault now and then', faultEveryNs: 20_000_000, sink: { bytesPerSecond: 5e7 } },
  { ...base, name: 'faults and a stalling sink', faultEveryNs: 1e6, sink: { bytesPerSecond: 1e7, stall } },
  { ...base, name: 'huge pages', pageCount: 64, pageSize: 2 ** 21, storePages: 16, faultEveryNs: 5e6 },
];
