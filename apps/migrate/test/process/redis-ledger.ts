import { openClient, type RedisServer } from './redis-server.ts';
import type { CoreFile } from './core-file.ts';

/** When a value was sent and when the server had taken it; CLOCK_MONOTONIC nanoseconds. */
interface Entry {
  readonly sentNs: number;
  /** Infinity until it was acknowledged. */
  ackNs: number;
}

export interface CutFindings {
  /** What contradicts one instant. */
  readonly wrong: readonly string[];
  /** Keys that are in the core. */
  readonly found: number;
}

const nowNs = (): number => Number(process.hrtime.bigint());

/** Clients that write keys, each once, and remember when; and the judge of a core that was taken meanwhile. */
export class RedisLedger {
  /** By client; the index is the number of the key. */
  readonly #entries: Entry[][];
  #isStopped = false;
  readonly #clients: Promise<void>[];

  constructor(server: RedisServer, clients: number) {
    this.#entries = Array.from({ length: clients }, () => []);
    this.#clients = this.#entries.map((entries, client) => this.#write(server, client, entries));
  }

  /** Resolves when every client has had `count` more answers. */
  async awaitWrites(count: number): Promise<void> {
    const goals = this.#entries.map(({ length }) => length + count);
    while (this.#entries.some(({ length }, client) => length <= goals[client]!)) {
      // oxlint-disable-next-line no-await-in-loop -- until they have
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#clients);
  }

  /**
   * The cut was between `fromNs` and `toNs`. Every key acknowledged before must be there, none that was sent after; and what a client has
   * there are its first keys without a gap, because it sends the next when the last is acknowledged.
   */
  judge(core: CoreFile, fromNs: number, toNs: number): CutFindings {
    const present = this.#entries.map(() => new Set<number>());
    for (const [client, key] of valuesIn(core)) present[client]?.add(key);
    const wrong: string[] = [];
    for (const [client, entries] of this.#entries.entries()) {
      const keys = present[client]!;
      for (const [key, { sentNs, ackNs }] of entries.entries()) {
        const name = `key ${client}:${key}`;
        if (ackNs < fromNs && !keys.has(key))
          wrong.push(`${name} was acknowledged before the cut and is not in`);
        if (sentNs > toNs && keys.has(key)) wrong.push(`${name} was sent after the cut and is in`);
      }
      if (Math.max(-1, ...keys) !== keys.size - 1) wrong.push(`the keys of client ${client} have a gap`);
    }
    return { wrong, found: present.reduce((sum, { size }) => sum + size, 0) };
  }

  async #write(server: RedisServer, client: number, entries: Entry[]): Promise<void> {
    const { ask } = await openClient(server);
    while (!this.#isStopped) {
      const entry = { sentNs: nowNs(), ackNs: Number.POSITIVE_INFINITY };
      const key = entries.push(entry) - 1;
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await ask('SET', `ledger:${client}:${key}`, valueOf(client, key));
      entry.ackNs = nowNs();
    }
  }
}

/** Short enough to be stored in one piece with the head of its object; the sum tells it from what a program makes by chance. */
function valueOf(client: number, key: number): string {
  const text = `SFKV:${client}:${String(key).padStart(8, '0')}:`;
  return `${text}${sumOf(text)}`;
}

function sumOf(text: string): string {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) % 1_000_000_007;
  return String(sum).padStart(10, '0');
}

const VALUE_BYTES = valueOf(0, 0).length;
const MARK = 'SFKV:';
/** In a request that waits in a buffer a value stands behind its length; in the data it does not. */
const REQUEST_HEAD = `$${VALUE_BYTES}\r\n`;

/** Client and key of every whole value that is stored in the core. */
function* valuesIn(core: CoreFile): Generator<[client: number, key: number]> {
  for (const { bytes, from } of core.chunks(undefined, VALUE_BYTES + REQUEST_HEAD.length)) {
    for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at + 1)) {
      const end = at + VALUE_BYTES;
      // What ends in the overlap came with the chunk before.
      if (end > bytes.byteLength || end <= from) continue;
      const text = bytes.toString('latin1', at, end);
      const [, client, key] = /^SFKV:(\d):(\d{8}):/.exec(text) ?? [];
      if (client === undefined || valueOf(Number(client), Number(key)) !== text) continue;
      if (bytes.toString('latin1', Math.max(0, at - REQUEST_HEAD.length), at) === REQUEST_HEAD) continue;
      yield [Number(client), Number(key)];
    }
  }
}
