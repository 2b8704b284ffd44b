import { KvBytes } from '../workloads/kv/kv-bytes.ts';
import { MAX_VALUE_BYTES } from '../workloads/kv/kv-layout.ts';
import type { KvStore } from '../workloads/kv/kv-store.ts';

/** No key of a client begins so, see `KvCommands`. */
const SESSION_PREFIX_BYTES = Buffer.from('\0session:');
export const SESSION_NAME_MAX_BYTES = 64;
/** Replies to writes are a status or a number. */
const SESSION_REPLY_MAX_BYTES = 64;
const NUMBER_BYTES = 8;
const LENGTH_BYTES = 4;
const RECORD_BYTES = NUMBER_BYTES + LENGTH_BYTES + SESSION_REPLY_MAX_BYTES;

/**
 * The last numbered request of each session and what it was answered, kept in the store itself: where the memory goes, they go. A client
 * that lost a reply sends its request again, there or here, and it is not done twice.
 *
 * A record has one size for ever, so once a session is known, writing it cannot fail for want of room.
 */
export class KvSessions {
  readonly #store: KvStore;
  readonly #key = new KvBytes(SESSION_PREFIX_BYTES.length + SESSION_NAME_MAX_BYTES);
  readonly #record = new KvBytes(MAX_VALUE_BYTES);
  readonly #view: DataView;

  constructor(store: KvStore) {
    this.#store = store;
    this.#view = new DataView(this.#record.words.buffer);
  }

  /** 0 for a session that is not known, which is then made room for. Throws WORKLOAD_FULL. */
  lastNumber(session: Uint8Array): number {
    this.#setKey(session);
    if (this.#store.get(this.#key, this.#record)) return this.#view.getFloat64(0, true);
    this.#write(0, new Uint8Array(0));
    return 0;
  }

  /** Of the session that `lastNumber` was asked for right before. */
  lastReply(): Buffer {
    const length = this.#view.getUint32(NUMBER_BYTES, true);
    const start = NUMBER_BYTES + LENGTH_BYTES;
    return Buffer.from(this.#record.bytes.subarray(start, start + Math.min(length, SESSION_REPLY_MAX_BYTES)));
  }

  done(session: Uint8Array, number: number, reply: Uint8Array): void {
    this.#setKey(session);
    this.#write(number, reply);
  }

  #setKey(session: Uint8Array): void {
    this.#key.bytes.set(SESSION_PREFIX_BYTES);
    this.#key.bytes.set(session, SESSION_PREFIX_BYTES.length);
    this.#key.length = SESSION_PREFIX_BYTES.length + session.byteLength;
  }

  #write(number: number, reply: Uint8Array): void {
    this.#record.bytes.fill(0, 0, RECORD_BYTES);
    this.#record.length = RECORD_BYTES;
    this.#view.setFloat64(0, number, true);
    this.#view.setUint32(NUMBER_BYTES, reply.byteLength, true);
    this.#record.bytes.set(reply, NUMBER_BYTES + LENGTH_BYTES);
    this.#store.put(this.#key, this.#record);
  }
}
