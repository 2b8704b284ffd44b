import type { Benchmark } from '../benchmark.ts';
import { arm } from './arm.ts';
import { codec } from './codec.ts';
import { compress } from './compress.ts';
import { file } from './file.ts';
import { fork } from './fork.ts';
import { increment } from './increment.ts';
import { lazy } from './lazy.ts';
import { memory } from './memory.ts';
import { migrate } from './migrate.ts';
import { process } from './process.ts';
import { read } from './read.ts';
import { resume } from './resume.ts';
import { sealed } from './sealed.ts';
import { stalls } from './stalls.ts';
import { stallingSink } from './stalling-sink.ts';
import { sweep } from './sweep.ts';
import { tcp } from './tcp.ts';
import { track } from './track.ts';
import { vm } from './vm.ts';

export const benchmarks: readonly Benchmark[] = [
  arm,
  track,
  sweep,
  file,
  tcp,
  stalls,
  stallingSink,
  memory,
  fork,
  process,
  codec,
  compress,
  increment,
  sealed,
  lazy,
  resume,
  read,
  migrate,
  vm,
];
