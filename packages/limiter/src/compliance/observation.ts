import type { Observation, Sojourn } from '../limiter.ts';

/** An observation in which nothing has happened, with 1 GiB to go in 4 KiB pages; `changes` replace whole fields. */
export function quietObservation(changes: Partial<Observation> = {}): Observation {
  return {
    nowNs: 1e12,
    faults: 0,
    lastFaultReadNs: 0,
    faultWait: { p50Ns: 0, p99Ns: 0, maxNs: 0 },
    sweptPages: 0,
    sweptPagesHeld: 0,
    sink: { longestWriteNs: 0, backlogBytes: 0, drainBytesPerSecond: 1e9 },
    preImages: { bytes: 0, maxBytes: 2 ** 28 },
    pagesLeft: 2 ** 18,
    bytesLeft: 2 ** 30,
    pageSize: 4096,
    ...changes,
  };
}

/** What a driver sees right after this observation when nothing more has happened, `laterNs` later. */
export function idleAfter(observation: Observation, laterNs: number): Observation {
  const { preImages } = observation;
  const { sojourn } = preImages;
  return {
    ...observation,
    nowNs: observation.nowNs + laterNs,
    faults: 0,
    lastFaultReadNs: 0,
    faultWait: { p50Ns: 0, p99Ns: 0, maxNs: 0 },
    sweptPages: 0,
    sink: { ...observation.sink, longestWriteNs: 0 },
    preImages: { ...preImages, ...(sojourn === undefined ? {} : { sojourn: idleSojourn(sojourn, laterNs) }) },
  };
}

function idleSojourn({ oldestNs }: Sojourn, laterNs: number): Sojourn {
  return { minNs: 0, maxNs: 0, oldestNs: oldestNs === 0 ? 0 : oldestNs + laterNs };
}

/** What a driver sees that fills in only what it must. */
export function bareObservation(observation: Observation): Observation {
  const {
    sweptPagesHeld: _held,
    guestWritePagesPerSecond: _writes,
    deadlineNs: _deadline,
    ...rest
  } = observation;
  const { bytes, maxBytes } = observation.preImages;
  return { ...rest, preImages: { bytes, maxBytes } };
}

/** `count` observations of a restless capture, always the same ones: time passes, faults come and go, the sink is fast or slow. */
export function* variedObservations(count: number): Generator<Observation> {
  const random = lehmer(2020);
  let nowNs = 1e12;
  for (let index = 0; index < count; index++) {
    nowNs += Math.floor(random() * 2e7);
    const faults = random() < 0.5 ? 0 : Math.floor(random() * 100);
    const waitNs = faults === 0 ? 0 : Math.floor(random() * 2e7);
    yield quietObservation({
      nowNs,
      faults,
      lastFaultReadNs: faults === 0 ? 0 : nowNs - waitNs,
      faultWait: { p50Ns: waitNs / 4, p99Ns: waitNs / 2, maxNs: waitNs },
      sweptPages: Math.floor(random() * 256),
      sweptPagesHeld: Math.floor(random() * 1024),
      sink: {
        longestWriteNs: Math.floor(random() * 1e9),
        backlogBytes: Math.floor(random() * 2 ** 22),
        drainBytesPerSecond: random() * 2e9,
      },
      preImages: {
        bytes: Math.floor(random() * 2 ** 28),
        maxBytes: 2 ** 28,
        sojourn: {
          minNs: Math.floor(random() * 1e7),
          maxNs: 1e7 + Math.floor(random() * 1e9),
          oldestNs: 1e7,
        },
      },
      guestWritePagesPerSecond: random() * 1e5,
    });
  }
}

/** `count` observations in which each number is replaced by one of `extremes` as often as not; others for each `seed`. */
export function* hostileObservations(
  count: number,
  seed: number,
  extremes: readonly number[],
): Generator<Observation> {
  const random = lehmer(seed);
  for (const observation of variedObservations(count)) {
    yield withNumbers(observation, (value) =>
      random() < 0.5 ? value : (extremes[Math.floor(random() * extremes.length)] ?? value),
    );
  }
}

/** A copy with each number replaced; `index` counts them in order of appearance. */
export function withNumbers(
  base: Observation,
  replace: (value: number, index: number) => number,
): Observation {
  let index = 0;
  const copy: Observation = JSON.parse(JSON.stringify(base), (_key, value: unknown) =>
    typeof value === 'number' ? replace(value, index++) : value,
  );
  return copy;
}

/** Lehmer's generator with Park and Miller's constants: numbers in 0 … 1, the same on every machine. */
function lehmer(seed: number): () => number {
  let value = seed;
  return () => {
    value = (value * 48_271) % 2_147_483_647;
    return value / 2_147_483_647;
  };
}
