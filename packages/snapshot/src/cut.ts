import type { Clock } from './clock.ts';
import { attempt } from './error.ts';
import type { PauseMs, SnapshotPhase } from './event.ts';
import type { Capture, Guest, GuestState } from './guest.ts';
import type { Interruption } from './interruption.ts';
import type { Standstill } from './standstill.ts';

/** The instant that the image shows, and what it cost. */
export interface Cut {
  readonly state: GuestState;
  readonly pause: PauseMs;
  /** When each phase of the pause began. */
  readonly phases: readonly { readonly phase: SnapshotPhase; readonly atNs: number }[];
}

const NS_PER_MS = 1_000_000;

/** Pauses the guest, saves its state, arms, resumes. The guest runs again when this returns or throws, as far as that can be had. */
export async function makeCut(
  guest: Guest,
  capture: Capture,
  standstill: Standstill,
  clock: Clock,
  interruption: Interruption,
): Promise<Cut> {
  const startNs = clock.nowNs();
  const held = await standstill.hold(async () => {
    const stoppedNs = clock.nowNs();
    interruption.check();
    const state = await attempt('guest-failed', 'guest.saveState', () => guest.saveState());
    const savedNs = clock.nowNs();
    interruption.check();
    await attempt('capture-failed', 'capture.arm', () => capture.arm());
    return { state, stoppedNs, savedNs, armedNs: clock.nowNs() };
  });
  const resumedNs = clock.nowNs();
  return {
    state: held.state,
    pause: {
      totalMs: (resumedNs - startNs) / NS_PER_MS,
      stopMs: (held.stoppedNs - startNs) / NS_PER_MS,
      saveStateMs: (held.savedNs - held.stoppedNs) / NS_PER_MS,
      armMs: (held.armedNs - held.savedNs) / NS_PER_MS,
      resumeMs: (resumedNs - held.armedNs) / NS_PER_MS,
    },
    phases: [
      { phase: 'pause', atNs: startNs },
      { phase: 'arm', atNs: held.savedNs },
      { phase: 'resume', atNs: held.armedNs },
    ],
  };
}
