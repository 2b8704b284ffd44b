import { KvClient, type KvEndpoint } from './kv-client.ts';

/** Bytes of a written value: with its key about as much as the built-in load of the kv workload. */
const VALUE_BYTES = 200;
/** Of ten operations: sums show what was done twice or not at all, values what is stale; the rest are reads. */
const SUMS = 5;
const WRITES = 3;

/** One client of a load: its keys are nobody else's, so it knows what each must be. */
export class LoadSession {
  readonly #client: KvClient;
  readonly #name: string;
  readonly #keys: number;
  readonly #sums = new Map<number, number>();
  readonly #values = new Map<number, string>();
  #operations = 0;
  lost = 0;
  doubled = 0;
  firstWrong = '';

  constructor(
    index: number,
    options: {
      readonly endpoints: readonly KvEndpoint[];
      readonly keys: number;
      readonly signal: AbortSignal;
    },
  ) {
    this.#client = new KvClient({ endpoints: options.endpoints, signal: options.signal });
    this.#name = `${this.#client.session.slice(0, 8)}:${index}`;
    this.#keys = options.keys;
  }

  get counts(): KvClient['counts'] {
    return this.#client.counts;
  }

  /** One operation, whose reply is compared with what it must be. Rejects with KvClientError when nobody answers. */
  async operate(): Promise<void> {
    const n = this.#operations++;
    const key = (n * KEY_STEP) % this.#keys;
    const kind = n % 10;
    if (kind < SUMS) await this.#add(key);
    else if (kind < SUMS + WRITES) await this.#set(key, n);
    else await this.#get(key);
  }

  /** Asks for all that was acknowledged. */
  async check(): Promise<void> {
    for (const [key, sum] of this.#sums) {
      // oxlint-disable-next-line no-await-in-loop -- a client has one request under way
      const found = Number((await this.#client.get(this.#sumKey(key))) ?? 0);
      this.#compareSum(key, found, sum);
    }
    for (const key of this.#values.keys()) {
      // oxlint-disable-next-line no-await-in-loop -- a client has one request under way
      await this.#get(key);
    }
  }

  close(): void {
    this.#client.close();
  }

  async #add(key: number): Promise<void> {
    const expected = (this.#sums.get(key) ?? 0) + 1;
    const sum = await this.#client.add(this.#sumKey(key));
    this.#compareSum(key, sum, expected);
    // From what is there now on, so that one wrong sum is counted once.
    this.#sums.set(key, sum);
  }

  async #set(key: number, n: number): Promise<void> {
    const value = `${n}:`.padEnd(VALUE_BYTES, String(n));
    await this.#client.set(this.#valueKey(key), value);
    this.#values.set(key, value);
  }

  async #get(key: number): Promise<void> {
    const value = (await this.#client.get(this.#valueKey(key)))?.toString('latin1');
    const expected = this.#values.get(key);
    if (value === expected) return;
    this.lost += 1;
    this.#wrong(`value ${key} is ${show(value)}, acknowledged was ${show(expected)}`);
  }

  #compareSum(key: number, found: number, expected: number): void {
    if (found === expected) return;
    if (found > expected) this.doubled += found - expected;
    else this.lost += expected - found;
    this.#wrong(`sum ${key} is ${found}, and ${expected} were acknowledged`);
  }

  #wrong(what: string): void {
    if (this.firstWrong === '') this.firstWrong = `client ${this.#name}: ${what}`;
  }

  #sumKey(key: number): string {
    return `${this.#name}:sum:${key}`;
  }

  #valueKey(key: number): string {
    return `${this.#name}:value:${key}`;
  }
}

/** Prime, so that keys are visited all over and each equally often. */
const KEY_STEP = 7919;

function show(value: string | undefined): string {
  return value === undefined ? 'not there' : JSON.stringify(value.slice(0, 16));
}
