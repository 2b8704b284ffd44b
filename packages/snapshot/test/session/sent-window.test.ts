import { describe, expect, it } from 'vitest';
import { SentWindow } from '../../src/session/sent-window.ts';

const SIZE = 7;
const byteAt = (offset: number) => (offset * 37 + 11) & 0xff;
const bytes = (from: number, count: number) => Uint8Array.from({ length: count }, (_, i) => byteAt(from + i));

/** What a window of infinite memory would say: numbers only. */
interface Model {
  confirmed: number;
  sent: number;
  end: number;
  saidMax: number;
  resent: number;
}

type Action = (window: SentWindow, model: Model, amount: number) => void;

const actions: Readonly<Record<'put' | 'give' | 'confirm' | 'rewind', Action>> = {
  put(window, model, amount) {
    const taken = Math.min(amount, SIZE - (model.end - model.confirmed));
    expect(window.put(bytes(model.end, amount))).toBe(taken);
    model.end += taken;
  },
  give(window, model, amount) {
    const next = window.next(amount);
    expect(next).toEqual(bytes(model.sent, next.byteLength));
    expect(next.byteLength > 0).toBe(model.end > model.sent);
    window.gave(next.byteLength);
    model.resent += Math.max(0, Math.min(model.saidMax, model.sent + next.byteLength) - model.sent);
    model.sent += next.byteLength;
    model.saidMax = Math.max(model.saidMax, model.sent);
  },
  confirm(window, model, amount) {
    const offset = model.confirmed + amount;
    expect(window.confirm(offset)).toBe(offset <= model.sent);
    if (offset <= model.sent) model.confirmed = offset;
  },
  rewind(window, model, amount) {
    const offset = model.confirmed + amount;
    const isPossible = amount >= 0 && offset <= model.saidMax;
    expect(window.rewind(offset)).toBe(isPossible);
    if (isPossible) model.confirmed = model.sent = offset;
  },
};

type Step = readonly [keyof typeof actions, number];

const STEPS: readonly Step[] = [
  ['put', 3],
  ['put', 8],
  ['give', 2],
  ['give', 9],
  ['confirm', 0],
  ['confirm', 2],
  ['rewind', -1],
  ['rewind', 0],
  ['rewind', 1],
];
const DEPTH = 4;

function apply(window: SentWindow, model: Model, [what, amount]: Step): void {
  actions[what](window, model, amount);
  expect(window).toMatchObject({
    confirmed: model.confirmed,
    sent: model.sent,
    end: model.end,
    roomBytes: SIZE - (model.end - model.confirmed),
    resentBytes: model.resent,
  });
}

describe('SentWindow', () => {
  it('says what was put, whatever happens in whatever order', () => {
    const total = STEPS.length ** DEPTH;
    for (let number = 0; number < total; number++) {
      const window = new SentWindow(SIZE);
      const model: Model = { confirmed: 0, sent: 0, end: 0, saidMax: 0, resent: 0 };
      for (let rest = number, depth = 0; depth < DEPTH; depth++, rest = Math.floor(rest / STEPS.length)) {
        apply(window, model, STEPS[rest % STEPS.length]!);
      }
    }
    expect(total).toBe(6561);
  });

  it('gives what it keeps, and no copy', () => {
    const window = new SentWindow(8);
    window.put(bytes(0, 8));
    expect(window.next(8).buffer).toBe(window.next(8).buffer);
    expect(window.next(0)).toHaveLength(0);
  });
});
