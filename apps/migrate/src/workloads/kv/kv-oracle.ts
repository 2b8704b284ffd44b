import { WorkloadError } from '../error.ts';
import { allHold, Finding } from '../findings.ts';
import { GUEST_PAGE_BYTES } from '../guest-memory.ts';
import { VerifyBudget } from '../verify-budget.ts';
import type { Oracle, OracleCheck, OracleReport, VerifyOptions, WorkloadImage } from '../workload.ts';
import { KvBytes } from './kv-bytes.ts';
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from './kv-layout.ts';
import { KEY_PREFIX, KvLoad, MAX_LOAD_VALUE_BYTES } from './kv-load.ts';
import { replay } from './kv-replay.ts';
import { KV_KIND, KV_REGION, type KvState, readKvState } from './kv-state.ts';
import { KvStore } from './kv-store.ts';

/** A hostile table can make each look-up walk all of it: about a second. */
const BUCKETS_BETWEEN_BREATHS = 1024;

/**
 * The store in the image holds what replaying operations 1 to the cut into a plain Map leaves, and nothing else; and its memory is,
 * byte for byte, that of a store to which the same operations were done. The first needs no store to be right, the second also
 * sees pages whose entries have all been deleted.
 */
export const kvOracle: Oracle = {
  kind: KV_KIND,
  async verify(image: WorkloadImage, options?: VerifyOptions): Promise<OracleReport> {
    const state = readKvState(image.state);
    const checks = await runChecks(image.regions.get(KV_REGION), state, new VerifyBudget(options));
    return { ok: allHold(checks), cut: state.cut, checks };
  },
};

async function runChecks(
  region: Uint8Array | undefined,
  state: KvState,
  budget: VerifyBudget,
): Promise<OracleCheck[]> {
  if (region?.byteLength !== state.sizeBytes) {
    const has = region?.byteLength ?? 'none';
    return [
      failed('memory-size', `the state speaks of ${state.sizeBytes} bytes, region ${KV_REGION} has ${has}`),
    ];
  }
  const size = { name: 'memory-size', ok: true, detail: `${state.sizeBytes} bytes` };
  let store: KvStore;
  try {
    // A store needs aligned memory, which a slice of a larger buffer may not be.
    store = KvStore.attach(region.byteOffset % 8 === 0 ? region : region.slice());
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return [size, failed('store-sound', error.message)];
  }
  const { expected, memory } = await replay(state, budget);
  const entries = await compareEntries(store, expected, state, budget);
  return [size, ...entries, compareMemory(region, memory)];
}

async function compareEntries(
  store: KvStore,
  expected: Map<number, number>,
  state: KvState,
  budget: VerifyBudget,
): Promise<OracleCheck[]> {
  const entries = new EntryFindings(state.cut, expected);
  const key = new KvBytes(MAX_KEY_BYTES);
  const value = new KvBytes(MAX_VALUE_BYTES);
  for (let bucket = 0; bucket < store.bucketCount; bucket++) {
    // oxlint-disable-next-line no-await-in-loop -- this is where the loop can be ended
    if (bucket % BUCKETS_BETWEEN_BREATHS === 0) await budget.breathe();
    try {
      if (store.readBucket(bucket, key, value)) entries.add(key, value);
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      entries.addUnreadable(error.message);
    }
  }
  return entries.checks(store);
}

function compareMemory(region: Uint8Array, expected: Uint8Array): OracleCheck {
  const exact = new Finding('memory-exact', 'every byte is as the operations before the cut left it');
  const is = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
  for (let start = 0; start < expected.byteLength; start += GUEST_PAGE_BYTES) {
    const end = start + GUEST_PAGE_BYTES;
    if (is.compare(expected, start, end, start, end) !== 0) {
      exact.add(() => `page ${start / GUEST_PAGE_BYTES} is not as the operations before the cut left it`);
    }
  }
  return exact.check();
}

/** Compares the entries of an image with those that are expected, one after the other. */
class EntryFindings {
  readonly #cut: number;
  /** What has not been met yet. */
  readonly #expected: Map<number, number>;
  readonly #expectedCount: number;
  readonly #load = new KvLoad(0, 0);
  readonly #should = new KvBytes(MAX_LOAD_VALUE_BYTES);
  readonly #sound = new Finding('store-sound', 'every entry is whole and can be reached from its key');
  readonly #extra = new Finding('none-extra', 'there is nothing else');
  readonly #stale = new Finding('no-stale-value', 'no value is older than its last put before the cut');
  readonly #late = new Finding('no-late-value', 'no value was put after the cut');
  readonly #exact = new Finding('values-exact', 'every value is the one that was put');
  #found = 0;

  constructor(cut: number, expected: Map<number, number>) {
    this.#cut = cut;
    this.#expected = expected;
    this.#expectedCount = expected.size;
  }

  addUnreadable(message: string): void {
    this.#sound.add(() => message);
  }

  add(key: KvBytes, value: KvBytes): void {
    this.#found += 1;
    const name = Buffer.from(key.bytes.buffer, 0, key.length).toString('latin1');
    const index = indexOf(name);
    const puts = this.#expected.get(index);
    const claims = KvLoad.operationOf(value);
    if (claims > this.#cut) {
      this.#late.add(() => `${shown(name)} has the value of operation ${claims}, the cut is ${this.#cut}`);
    } else if (puts === undefined) {
      this.#extra.add(() => `${shown(name)} should not be there, or is there twice`);
      return;
    } else if (claims < puts) {
      this.#stale.add(() => `${shown(name)} has the value of operation ${claims}, not of ${puts}`);
    } else {
      this.#load.writeValue(puts, this.#should);
      if (!this.#should.equals(value)) this.#exact.add(() => `${shown(name)} has another value than was put`);
    }
    this.#expected.delete(index);
  }

  checks(store: KvStore): OracleCheck[] {
    const lost = new Finding('none-lost', `all ${this.#expectedCount} keys are there`);
    for (const index of this.#expected.keys()) lost.add(() => `${KEY_PREFIX}${index} is not there`);
    if (store.entryCount !== this.#found) {
      this.#sound.add(() => `the header counts ${store.entryCount} entries, ${this.#found} were found`);
    }
    const reached = new Finding('cut-reached', `the store has acknowledged operation ${this.#cut}`);
    if (store.sequence !== this.#cut) {
      reached.add(() => `the store has acknowledged operation ${store.sequence}, the cut is ${this.#cut}`);
    }
    const findings = [this.#sound, lost, this.#extra, this.#stale, this.#late, this.#exact, reached];
    return findings.map((finding) => finding.check());
  }
}

/** The index in a key of the load, or NaN. Only the canonical spelling counts. */
function indexOf(name: string): number {
  const index = name.startsWith(KEY_PREFIX) ? Number(name.slice(KEY_PREFIX.length)) : Number.NaN;
  return `${KEY_PREFIX}${index}` === name ? index : Number.NaN;
}

/** A key from a peer, fit for a terminal. */
function shown(name: string): string {
  return JSON.stringify(name.slice(0, 40).replaceAll(/[^\x20-\x7e]/g, '?'));
}

function failed(name: string, detail: string): OracleCheck {
  return { name, ok: false, detail };
}

function isCorrupt(error: unknown): error is WorkloadError {
  return error instanceof WorkloadError && error.code === 'WORKLOAD_MEMORY_CORRUPT';
}
