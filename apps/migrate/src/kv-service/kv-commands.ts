import { WorkloadError } from '../workloads/error.ts';
import { KvBytes } from '../workloads/kv/kv-bytes.ts';
import { MAX_KEY_BYTES, MAX_VALUE_BYTES } from '../workloads/kv/kv-layout.ts';
import type { KvStore } from '../workloads/kv/kv-store.ts';
import { KvSessions, SESSION_NAME_MAX_BYTES } from './kv-sessions.ts';
import { respReply } from './resp-replies.ts';

type Command = (words: readonly Buffer[]) => Buffer;

interface CommandEntry {
  /** Words after the name. */
  readonly min: number;
  readonly max: number;
  /** It changes the store, so doing it twice would be wrong. */
  readonly writes: boolean;
  readonly run: Command;
}

/**
 * What a kv server understands: a few commands of Redis, and `DO session number COMMAND …`, which does a command once however often it
 * is sent. Numbers of a session ascend; it has one request under way at a time.
 *
 * Each command is done when `run` returns, so between two calls the memory is a whole store.
 */
export class KvCommands {
  readonly #store: KvStore;
  readonly #sessions: KvSessions;
  readonly #key = new KvBytes(MAX_KEY_BYTES);
  readonly #value = new KvBytes(MAX_VALUE_BYTES);
  readonly #commands: ReadonlyMap<string, CommandEntry>;

  constructor(store: KvStore) {
    this.#store = store;
    this.#sessions = new KvSessions(store);
    const any = Number.MAX_SAFE_INTEGER;
    const reads = { writes: false };
    const writes = { writes: true };
    this.#commands = new Map<string, CommandEntry>([
      [
        'PING',
        {
          min: 0,
          max: 1,
          ...reads,
          run: ([text]) => (text ? respReply.bulk(text) : respReply.status('PONG')),
        },
      ],
      ['ECHO', { min: 1, max: 1, ...reads, run: ([text]) => respReply.bulk(text!) }],
      ['GET', { min: 1, max: 1, ...reads, run: ([key]) => this.#get(key!) }],
      ['SET', { min: 2, max: 2, ...writes, run: ([key, value]) => this.#set(key!, value!) }],
      ['DEL', { min: 1, max: 1, ...writes, run: ([key]) => this.#delete(key!) }],
      ['INCR', { min: 1, max: 1, ...writes, run: ([key]) => this.#add(key!, 1) }],
      ['INCRBY', { min: 2, max: 2, ...writes, run: ([key, by]) => this.#add(key!, integerOf(by!)) }],
      ['DBSIZE', { min: 0, max: 0, ...reads, run: () => respReply.integer(store.entryCount) }],
      // What redis-cli and redis-benchmark ask at the start; an empty answer satisfies them.
      ['COMMAND', { min: 0, max: any, ...reads, run: () => respReply.emptyArray }],
      ['CONFIG', { min: 0, max: any, ...reads, run: () => respReply.emptyArray }],
    ]);
  }

  /** Does a request and gives its reply. Throws only for a store that is corrupt. */
  run(request: readonly Buffer[]): Buffer {
    try {
      return nameOf(request[0]!) === 'DO' ? this.#once(request.slice(1)) : this.#dispatch(request).reply();
    } catch (error) {
      if (error instanceof Refusal) return respReply.error(error.message);
      if (error instanceof WorkloadError && error.code === 'WORKLOAD_FULL') {
        return respReply.error(`OOM ${error.message}`);
      }
      throw error;
    }
  }

  #dispatch(request: readonly Buffer[]): { writes: boolean; reply: () => Buffer } {
    const name = nameOf(request[0]!);
    const entry = this.#commands.get(name);
    const words = request.slice(1);
    if (!entry) throw new Refusal(`ERR unknown command '${name.slice(0, 32)}'`);
    if (words.length < entry.min || words.length > entry.max) {
      throw new Refusal(`ERR wrong number of arguments for '${name.toLowerCase()}'`);
    }
    return {
      writes: entry.writes,
      reply: () => {
        const reply = entry.run(words);
        if (entry.writes) this.#store.sequence += 1;
        return reply;
      },
    };
  }

  /** DO session number COMMAND … */
  #once([session, number, ...request]: readonly Buffer[]): Buffer {
    if (!session || !number || request.length === 0)
      throw new Refusal('ERR DO takes a session, a number and a command');
    if (session.length === 0 || session.length > SESSION_NAME_MAX_BYTES) {
      throw new Refusal(`ERR a session name has 1 to ${SESSION_NAME_MAX_BYTES} bytes`);
    }
    const wanted = integerOf(number);
    const { writes, reply } = this.#dispatch(request);
    if (!writes) return reply();
    const last = this.#sessions.lastNumber(session);
    if (wanted === last) return this.#sessions.lastReply();
    if (wanted < last) throw new Refusal(`STALE number ${last} of this session was done already`);
    const answer = reply();
    this.#sessions.done(session, wanted, answer);
    return answer;
  }

  #get(key: Buffer): Buffer {
    this.#setKey(key);
    return this.#store.get(this.#key, this.#value)
      ? respReply.bulk(this.#value.bytes.subarray(0, this.#value.length))
      : respReply.nil;
  }

  #set(key: Buffer, value: Buffer): Buffer {
    this.#setKey(key);
    this.#setValue(value);
    this.#store.put(this.#key, this.#value);
    return respReply.ok;
  }

  #delete(key: Buffer): Buffer {
    this.#setKey(key);
    return respReply.integer(this.#store.delete(this.#key) ? 1 : 0);
  }

  #add(key: Buffer, by: number): Buffer {
    this.#setKey(key);
    const has = this.#store.get(this.#key, this.#value);
    const before = has ? integerOf(this.#value.bytes.subarray(0, this.#value.length)) : 0;
    const after = before + by;
    if (!Number.isSafeInteger(after)) throw new Refusal('ERR the number would be too large');
    this.#setValue(Buffer.from(String(after)));
    this.#store.put(this.#key, this.#value);
    return respReply.integer(after);
  }

  #setKey(key: Buffer): void {
    if (key.length === 0 || key.length > MAX_KEY_BYTES)
      throw new Refusal(`ERR a key has 1 to ${MAX_KEY_BYTES} bytes`);
    if (key[0] === 0) throw new Refusal('ERR keys that begin with a zero byte are the server’s own');
    this.#key.bytes.set(key);
    this.#key.length = key.length;
  }

  #setValue(value: Uint8Array): void {
    this.#value.bytes.set(value);
    this.#value.length = value.byteLength;
  }
}

/** An answer that says no. */
class Refusal extends Error {}

function nameOf(word: Buffer): string {
  return word.toString('latin1').toUpperCase();
}

function integerOf(word: Uint8Array): number {
  const text = Buffer.from(word).toString('latin1');
  const value = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new Refusal('ERR value is not an integer or out of range');
  return value;
}
