import type { SnapshotRequest } from '../ours.ts';
import { type Addon, loadAddon } from './addon.ts';
import { type ArmRequest, runArm, runSweep, runUntouched } from './engine-runs.ts';
import { type CompressedRequest, runCompressed } from './compressed-run.ts';
import { runGcm } from './gcm-run.ts';
import { type IncrementRequest, runIncrement } from './increment-run.ts';
import { type LazyRequest, makeImage, runEager, runLazy } from './lazy-run.ts';
import { type ReaderRequest, runResumeReader } from './resume-reader.ts';
import { type ResumeRequest, runResume } from './resume-run.ts';
import { runSnapshot } from './snapshot-run.ts';
import { runVm, type VmRequest } from './vm-run.ts';
import { runTrack, type TrackRequest } from './track-run.ts';

// ours SCENARIO REQUEST: one measurement of ours, like one run of a C peer. Prints one JSON object. Both arguments are our own main
// program's (src/ours.ts), so they are believed.

type Request = SnapshotRequest &
  ArmRequest &
  TrackRequest &
  CompressedRequest &
  IncrementRequest &
  LazyRequest &
  ReaderRequest &
  VmRequest &
  ResumeRequest & { readonly addon: string };

const SCENARIOS: Readonly<Record<string, (addon: Addon, request: Request) => object | Promise<object>>> = {
  arm: runArm,
  sweep: runSweep,
  track: runTrack,
  untouched: runUntouched,
  snapshot: runSnapshot,
  compressed: runCompressed,
  gcm: runGcm,
  increment: runIncrement,
  makeImage,
  lazy: runLazy,
  eager: runEager,
  vm: runVm,
  resume: runResume,
  resumeReader: runResumeReader,
};

const [scenario = '', text = '{}'] = process.argv.slice(2);
const run = SCENARIOS[scenario];
if (run === undefined) throw new Error(`usage: ours ${Object.keys(SCENARIOS).join('|')} REQUEST`);
const request: Request = JSON.parse(text);
console.log(JSON.stringify(await run(loadAddon(request.addon), request)));
