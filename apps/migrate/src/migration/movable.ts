/** Memory that all threads of this process see. The view is whole pages of 4096 bytes. */
export type MovableMemory = Uint8Array<SharedArrayBuffer>;

/** What came from the source. The memory is there already; nobody writes to it before `resume`. */
export interface MovedParts {
  /** By region name, in the sizes that the source's guest had. */
  readonly memory: ReadonlyMap<string, MovableMemory>;
  /** What `save` gave at the source. */
  readonly state: Uint8Array;
}

/**
 * A kind of guest that can stop in one process and go on in another. The default export of a `--guest-module` file is one; the bundled
 * guests are no different.
 *
 * At the source: `start`, then it runs; at the end of a migration `pause`, `save`, and `stop`. If the migration fails: `resume`.
 * At the destination: `load` with the memory and the state, and `resume` when it owns them. If the migration fails before: `stop`.
 */
export interface Movable {
  /** Names the kind and its version to the other side, e.g. `shop/index@2`; both sides must say the same. 1 to 64 letters. */
  readonly name: string;
  /** Starts a new guest, running. `options` is what was given after the name, `k=v` each. */
  start(options: Readonly<Record<string, string>>): Promise<RunningMovable>;
  /**
   * A page that is written is written as a whole, whatever it held, and never to zeros. So after a post-copy whose link is lost for good, a thread
   * that waits for a page that cannot come may go on without it, to where it rests, and half of the guest can be saved.
   */
  readonly overwritesPages?: true;
  /** A guest of this kind may be coming: what takes time can be done now, while it still runs at the source. */
  warm?(): Promise<void>;
  /** Gives up what `warm` made. */
  cool?(): Promise<void>;
  /**
   * Takes a guest up where it stopped, at rest. Does not look at the memory: in post-copy it comes when it is touched. Throws when the parts
   * are not a guest: nothing is lost by that, the source goes on.
   */
  load(parts: MovedParts, options: Readonly<Record<string, string>>): Promise<RunningMovable>;
}

export interface RunningMovable {
  /** Fixed for its life; names are different from each other. */
  readonly memory: ReadonlyMap<string, MovableMemory>;
  /** Where its users find it, if it has any: HOST:PORT. */
  readonly address?: string;
  /** Resolves when nobody writes to the memory, nor will. Idempotent. */
  pause(): Promise<void>;
  /** Writers go on. Idempotent. */
  resume(): Promise<void>;
  /** What is not memory, as of the pause; a copy. Called while paused. */
  save(): Promise<Uint8Array> | Uint8Array;
  /** Ends the guest here and gives its memory up; `moved`: it goes on at the destination, which users may be told. Idempotent. */
  stop(why: 'moved' | 'ended'): Promise<void>;
  /** Whether the memory is what its own account says, for a guest that can tell. Called while paused. */
  verify?(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  /** Why it died by itself, if it did. */
  failure?(): Error | undefined;
}

/** The state's kind on the wire says whose it is. */
export function movableKind(name: string): string {
  return `movable/${name}`;
}
