import { MAX_SESSION_DATA_BYTES } from '@stillframe/page-stream';
import { describe, expect, it } from 'vitest';
import { CONFIRM_EVERY_BYTES, OffsetError, SessionState } from '../../src/session/session-state.ts';

const STREAM = Uint8Array.from({ length: 12 }, (_, index) => index + 1);

/** Two sides and what is on its way between them: every event is one step, and nothing happens by itself. */
class Wire {
  readonly source = new SessionState(5);
  readonly destination = new SessionState(4);
  readonly arrived: number[] = [];
  readonly #forth: { saying: ReturnType<SessionState['next']>; bytes: Uint8Array }[] = [];
  #put = 0;
  #isUp = true;

  put(count: number): void {
    this.#put += this.source.window.put(STREAM.subarray(this.#put, this.#put + count));
    if (this.#put === STREAM.byteLength) this.source.finish();
  }

  /** The source says its next thing; up to `bytes` of what it announces get on their way. */
  say(): void {
    const saying = this.#isUp ? this.source.next() : undefined;
    if (saying === undefined) return;
    this.source.gave(saying);
    this.#forth.push({ saying, bytes: saying.bytes?.slice() ?? new Uint8Array(0) });
  }

  /** One frame comes, and `count` of its bytes; the rest with the next call. */
  hear(count: number): void {
    const first = this.#forth[0];
    if (first === undefined) return;
    if (first.saying !== undefined) this.destination.take(first.saying.frame);
    const part = first.bytes.subarray(0, count);
    this.arrived.push(...part);
    if (part.byteLength > 0) this.destination.got(part.byteLength);
    if (part.byteLength < first.bytes.byteLength) {
      this.#forth[0] = { saying: undefined, bytes: first.bytes.subarray(count) };
    } else this.#forth.shift();
  }

  confirm(): void {
    if (this.#isUp) this.source.take(this.destination.signOfLife().frame);
  }

  /** Everything on its way is lost. */
  cut(): void {
    this.#forth.length = 0;
    this.#isUp = false;
  }

  join(): void {
    this.#forth.length = 0;
    this.source.attach(this.destination.received);
    this.destination.attach(this.source.received);
    this.#isUp = true;
  }

  finish(): void {
    if (!this.#isUp) this.join();
    for (let turn = 0; turn < 40 && !this.destination.peerFinished; turn++) {
      this.put(3);
      this.say();
      this.hear(9);
      this.confirm();
    }
  }
}

const EVENTS: readonly ((wire: Wire) => void)[] = [
  (wire) => wire.put(4),
  (wire) => wire.say(),
  (wire) => wire.hear(2),
  (wire) => wire.hear(9),
  (wire) => wire.confirm(),
  (wire) => wire.cut(),
  (wire) => wire.join(),
];
const DEPTH = 6;

describe('SessionState', () => {
  it('brings every byte once and in order, whatever is lost in whatever order', () => {
    const wrong: string[] = [];
    const total = EVENTS.length ** DEPTH;
    for (let number = 0; number < total; number++) {
      const wire = new Wire();
      for (let rest = number, depth = 0; depth < DEPTH; depth++, rest = Math.floor(rest / EVENTS.length)) {
        EVENTS[rest % EVENTS.length]!(wire);
      }
      wire.finish();
      const isWhole =
        wire.arrived.length === STREAM.byteLength && wire.arrived.every((byte, at) => byte === at + 1);
      if (!isWhole || !wire.destination.peerFinished) wrong.push(`${number}: ${wire.arrived.join(' ')}`);
    }
    expect(wrong).toEqual([]);
    expect(total).toBe(117_649);
  }, 30_000);

  it('refuses offsets that cannot be', () => {
    const state = new SessionState(8);
    state.window.put(STREAM.subarray(0, 4));
    state.gave(state.next()!);
    expect(() => state.take({ type: 'received', at: 5 })).toThrow(OffsetError);
    expect(() => state.take({ type: 'data', at: 1, byteCount: 1 })).toThrow(OffsetError);
    expect(() => state.take({ type: 'finished', at: 1 })).toThrow(OffsetError);
    expect(() => state.attach(5)).toThrow(OffsetError);
    state.take({ type: 'received', at: 4 });
    expect(() => state.attach(3)).toThrow(OffsetError);
    state.attach(4);
  });

  it('takes nothing behind the end, but the end again', () => {
    const state = new SessionState(8);
    state.take({ type: 'finished', at: 0 });
    state.attach(0);
    state.take({ type: 'finished', at: 0 });
    expect(() => state.take({ type: 'data', at: 0, byteCount: 1 })).toThrow(OffsetError);
  });

  it('confirms after so many bytes, not before, and before it says anything else', () => {
    const state = new SessionState(8);
    state.window.put(STREAM.subarray(0, 4));
    state.take({ type: 'data', at: 0, byteCount: CONFIRM_EVERY_BYTES });
    state.got(CONFIRM_EVERY_BYTES - 1);
    expect(state.next()?.frame.type).toBe('data');
    state.got(1);
    const saying = state.next()!;
    expect(saying.frame).toEqual({ type: 'received', at: CONFIRM_EVERY_BYTES });
    state.gave(saying);
    expect(state.next()?.frame.type).toBe('data');
  });

  it('confirms sooner for a side whose window is small', () => {
    const state = new SessionState(8, 3);
    state.take({ type: 'data', at: 0, byteCount: 3 });
    state.got(2);
    expect(state.next()).toBeUndefined();
    state.got(1);
    expect(state.next()?.frame).toEqual({ type: 'received', at: 3 });
  });

  it('says no more in one piece than the other side takes', () => {
    const state = new SessionState(MAX_SESSION_DATA_BYTES + 1);
    state.window.put(new Uint8Array(MAX_SESSION_DATA_BYTES + 1));
    expect(state.next()?.frame).toMatchObject({ byteCount: MAX_SESSION_DATA_BYTES });
  });
});
