import type { MovingTarget } from '@stillframe/migration';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from '../cli-error.ts';
import { exitCodeOfChild } from '../exec/exit-code-of-child.ts';
import type { ExecOptions } from '../exec/exec-child.ts';
import { execMovingTarget, type ExecMovingTarget } from '../exec/exec-moving-target.ts';
import type { GuestHalf } from '../halves/save-half.ts';
import { MachineMovingTarget } from '../qemu/machine-moving-target.ts';
import type { MachineTargetOptions } from '../qemu/machine-target.ts';
import { movableTarget, type MovableTargetOptions } from './movable-target.ts';
import type { RunningMovable } from './movable.ts';

export interface LifeOptions {
  /** How long the guest goes on here; until `signal` when not given. */
  readonly keepMs: number | undefined;
  readonly signal: AbortSignal;
  /** Its memory is right, says the guest's own account. */
  readonly onVerified: (detail: string) => void;
}

export interface Life {
  /** Times that the guest's own account of its memory was right. */
  readonly checks: number;
  readonly last: string;
  /** Of a child; 0 otherwise. */
  readonly exitCode: number;
}

/** Where a guest arrives, and how it lives on there. */
export interface ArrivalPlace {
  readonly target: MovingTarget;
  /** Once it runs here. Throws what it dies of. */
  live(options: LifeOptions): Promise<Life>;
  /** What is here of it, at rest, when the rest of it will not come. Absent where its memory is somebody else's. */
  half?(): Promise<GuestHalf>;
  /** Ends it, if it is there. */
  end(): Promise<void>;
}

/** Between two looks at whether its memory is right. */
const VERIFY_EVERY_MS = 2000;

/** In this process. */
export function ownPlace(options: MovableTargetOptions): ArrivalPlace {
  const target = movableTarget(options);
  return {
    target,
    live: (life) => liveHere(target.running!, life),
    half: () => target.half(),
    end: () => target.end(),
  };
}

/** In a child, which ends when it likes; its exit code is told. */
export function childPlace(options: ExecOptions): ArrivalPlace {
  return placeOf(execMovingTarget(options), 'the child has no oracle');
}

/** In a QEMU, which ends when the machine does. */
export function machinePlace(options: MachineTargetOptions): ArrivalPlace {
  return placeOf(new MachineMovingTarget(options), 'the machine has no oracle');
}

type ChildTarget = Pick<ExecMovingTarget, 'ended' | 'kill'> & MovingTarget;

function placeOf(target: ChildTarget, withoutOracle: string): ArrivalPlace {
  return {
    target,
    async live({ keepMs, signal }) {
      const over = new AbortController();
      const limit = sleep(keepMs ?? 2 ** 31 - 1, 'over', { signal: AbortSignal.any([signal, over.signal]) });
      const first = await Promise.race([target.ended(), limit.catch(() => 'over')]);
      over.abort();
      if (first === 'over') target.kill('SIGTERM');
      const end = await target.ended();
      return {
        checks: 0,
        last: withoutOracle,
        exitCode: end === undefined ? 0 : exitCodeOfChild(end),
      };
    },
    end: () => target.discard(),
  };
}

/** Lets the guest go on, and asks its oracle again and again. */
async function liveHere(running: RunningMovable, { keepMs, signal, onVerified }: LifeOptions): Promise<Life> {
  const endMs = keepMs === undefined ? Infinity : performance.now() + keepMs;
  let checks = 0;
  let last = 'the guest has no oracle';
  for (;;) {
    const restMs = Math.min(VERIFY_EVERY_MS, endMs - performance.now());
    // oxlint-disable-next-line no-await-in-loop -- while it lives
    await sleep(Math.max(0, restMs), undefined, { signal }).catch(() => undefined);
    const failure = running.failure?.();
    if (failure !== undefined) throw failure;
    // oxlint-disable-next-line no-await-in-loop -- as above
    const detail = await verify(running);
    if (detail !== undefined) {
      checks += 1;
      last = detail;
      onVerified(detail);
    }
    if (signal.aborted || performance.now() >= endMs) return { checks, last, exitCode: 0 };
  }
}

async function verify(running: RunningMovable): Promise<string | undefined> {
  if (running.verify === undefined) return undefined;
  await running.pause();
  const { ok, detail } = await running.verify();
  if (!ok) throw new CliError('DIFFERENT', `the memory of the guest is wrong: ${detail}`);
  await running.resume();
  return detail;
}
