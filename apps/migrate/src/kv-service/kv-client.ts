import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { KvConnection } from './kv-connection.ts';
import { KvClientError } from './kv-client-error.ts';
import type { RespReply } from './resp-replies.ts';
import { encodeRequest } from './resp-requests.ts';

export interface KvEndpoint {
  readonly host: string;
  readonly port: number;
}

export interface KvClientOptions {
  /** Where the store is, or may be some day; tried in this order, and where a server says that it moved to. */
  readonly endpoints: readonly KvEndpoint[];
  /** Tells this client from others, 1 to 64 bytes; drawn at random when not given. Two clients never share one. */
  readonly session?: string;
  /** Without a reply for so long the next endpoint is tried. Default 2000 ms. */
  readonly replyMs?: number;
  /** Without any reply for so long a call gives up. Default 30,000 ms. */
  readonly giveUpMs?: number;
  /** From when it fires on, a call gives up after about `replyMs`: somebody waits for the end. */
  readonly signal?: AbortSignal;
}

/** Between two rounds over all endpoints: doubled each time, with a random part so that clients do not come all at once. */
const BACKOFF_MIN_MS = 2;
const BACKOFF_MAX_MS = 250;

/**
 * A client of a kv server that follows it when it moves. Every call is done exactly once, however many connections it takes: a call that is
 * sent again carries the number of the first time, and the store knows which number it did last.
 *
 * Concurrency: one call is under way at a time; others wait in order. For more, have more clients.
 *
 * Errors: KvClientError `KV_UNREACHABLE` when no endpoint answered in time (whether the call was done is not known then), `KV_REFUSED` for an
 * error that the server replied.
 */
export class KvClient {
  readonly session: string;
  readonly #options: Required<Pick<KvClientOptions, 'replyMs' | 'giveUpMs'>>;
  readonly #endpoints: KvEndpoint[];
  readonly #signal: AbortSignal | undefined;
  #connection: KvConnection | undefined;
  #which = 0;
  #number = 0;
  #last: Promise<unknown> = Promise.resolve();
  /** Connections after the first, and how many of them because the server said where it moved to. */
  readonly counts = { connections: 0, moved: 0 };

  constructor({
    endpoints,
    session = randomUUID(),
    replyMs = 2000,
    giveUpMs = 30_000,
    signal,
  }: KvClientOptions) {
    if (endpoints.length === 0) throw new RangeError('a client needs an endpoint');
    this.#endpoints = [...endpoints];
    this.session = session;
    this.#signal = signal;
    this.#options = { replyMs, giveUpMs };
  }

  async get(key: string): Promise<Buffer | undefined> {
    const reply = await this.call('GET', key);
    return reply.type === 'bulk' ? (reply.bytes ?? undefined) : undefined;
  }

  async set(key: string, value: string | Uint8Array): Promise<void> {
    await this.call('SET', key, value);
  }

  /** Whether there was such a key. */
  async delete(key: string): Promise<boolean> {
    const reply = await this.call('DEL', key);
    return reply.type === 'integer' && reply.value === 1;
  }

  /** The sum. */
  async add(key: string, by = 1): Promise<number> {
    const reply = await this.call('INCRBY', key, String(by));
    return reply.type === 'integer' ? reply.value : Number.NaN;
  }

  /** Any command of the server, once. */
  call(...words: readonly (string | Uint8Array)[]): Promise<RespReply> {
    const reply = this.#last.then(() => this.#once(words));
    this.#last = reply.catch(() => undefined);
    return reply;
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  async #once(words: readonly (string | Uint8Array)[]): Promise<RespReply> {
    this.#number += 1;
    const request = encodeRequest(['DO', this.session, String(this.#number), ...words]);
    const beganMs = performance.now();
    let untilMs = beganMs + this.#options.giveUpMs;
    let isHurried = false;
    let cause: unknown;
    for (let tries = 0; performance.now() < untilMs; tries++) {
      if (!isHurried && this.#signal?.aborted === true) {
        isHurried = true;
        untilMs = Math.min(untilMs, performance.now() + this.#options.replyMs);
      }
      try {
        // oxlint-disable-next-line no-await-in-loop -- one try after the other
        const reply = await this.#ask(request);
        if (reply.type !== 'error') return reply;
        if (!this.#follow(reply.text)) throw new KvClientError('KV_REFUSED', reply.text);
        continue;
      } catch (error) {
        if (error instanceof KvClientError && error.code === 'KV_REFUSED') throw error;
        cause = error;
      }
      this.#which = (this.#which + 1) % this.#endpoints.length;
      // oxlint-disable-next-line no-await-in-loop -- this is the wait
      if (this.#which === 0) await sleep(backoffMs(tries / this.#endpoints.length));
    }
    const waitedMs = Math.round(performance.now() - beganMs);
    throw new KvClientError('KV_UNREACHABLE', `no answer for ${waitedMs} ms`, { cause });
  }

  async #ask(request: Buffer): Promise<RespReply> {
    try {
      this.#connection ??= await this.#connect();
      return await this.#connection.ask(request, this.#options.replyMs);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #connect(): Promise<KvConnection> {
    const connection = await KvConnection.open(this.#endpoints[this.#which]!, this.#options.replyMs);
    this.counts.connections += 1;
    return connection;
  }

  /** Whether the error says that the store is elsewhere; then this client goes there, or to the next it knows. */
  #follow(text: string): boolean {
    const [, host, port] = /^MOVED(?: \[?([^ \]]+)\]?:(\d{1,5}))?$/.exec(text) ?? [];
    if (!text.startsWith('MOVED')) return false;
    this.close();
    this.counts.moved += 1;
    if (host === undefined || port === undefined) {
      this.#which = (this.#which + 1) % this.#endpoints.length;
      return true;
    }
    const known = this.#endpoints.findIndex((each) => each.host === host && each.port === Number(port));
    this.#which = known < 0 ? this.#endpoints.push({ host, port: Number(port) }) - 1 : known;
    return true;
  }
}

function backoffMs(rounds: number): number {
  const most = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** Math.floor(rounds));
  return most / 2 + (Math.random() * most) / 2;
}
