/** The worker that serves a store; its `workerData`. */
export interface KvServerTask {
  readonly role: 'kv-server';
  readonly memory: SharedArrayBuffer;
  /** Buckets of a new store; absent where the memory holds one already. */
  readonly bucketCount?: number;
  /** A bound server socket's address; port 0 is any that is free. */
  readonly host: string;
  readonly port: number;
}

/** What the thread that owns the server tells it. Each is answered by its own name in `KvServerEvent`. */
export type KvServerOrder =
  | { readonly type: 'rest' }
  | { readonly type: 'serve' }
  /** The store lives elsewhere from now on: tells every client, closes, ends. `movedTo` is HOST:PORT, or empty when nobody knows. */
  | { readonly type: 'depart'; readonly movedTo: string };

export type KvServerEvent =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'resting' }
  | { readonly type: 'serving' }
  | { readonly type: 'departed' };
