import { fileURLToPath } from 'node:url';
import { Child, numberAt, numbersAt, type Result } from './child-process.ts';
import { type WriterLoad, type Writes, writesOf } from './load.ts';
import type { IncrementRequest } from './ours/increment-run.ts';
import type { LazyRequest } from './ours/lazy-run.ts';
import type { TrackRequest } from './ours/track-run.ts';
import type { PageKind } from './peers.ts';
import type { MachinePicture, VmSink } from './vm/figures.ts';

/** Where a snapshot goes. */
export type SinkChoice =
  | { readonly kind: 'null' }
  /** The app's own sink for image files; memory for the file is made to be at hand first, as the peer does. */
  | { readonly kind: 'fresh'; readonly path: string; readonly isSealed?: boolean }
  /** Written over a file that is there already, as large as the image. */
  | { readonly kind: 'existing'; readonly path: string }
  /** The app's own transport. */
  | { readonly kind: 'tcp'; readonly port: number }
  /** Takes everything at once, but stands still `stalls` times, evenly spread over the image. */
  | { readonly kind: 'stalling'; readonly stalls: number; readonly stallMs: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number };

export interface SnapshotRequest {
  readonly bytes: number;
  readonly sink: SinkChoice;
  readonly limiter: string;
  readonly preImagesMaxBytes: number;
  readonly overflow: 'spill' | 'stall' | 'abort';
  readonly load?: WriterLoad;
}

export interface SnapshotFigures {
  /** From the end of the pause until the sink had every page. */
  readonly streamMs: number;
  /** All of it: allocation of the store, pause, stream, the end of the image. */
  readonly totalMs: number;
  readonly pauseMs: number;
  readonly faults: number;
  readonly preImageBytesMax: number;
  readonly spilledBytesMax: number;
  /** The most memory resident during the snapshot, less what was resident before. */
  readonly growthBytes: number;
  /** Only with a load. */
  readonly writes: Writes;
}

/** Our side. Each call is one run in a process of its own. */
export interface Ours {
  /** The time that `arm` takes, after arming ahead or not. Also gives how much of the memory is huge pages. */
  arm(bytes: number, kind: PageKind, ahead: boolean): Promise<{ ns: number; hugeBytes: number }>;
  /** Captures memory that was never touched, completely; what became resident of it, and what travelled. */
  captureUntouched(bytes: number): Promise<{ residentBytes: number; dataBytes: number; zeroPages: number }>;
  /** The engine alone: every slab is released as soon as it is pulled. */
  sweep(bytes: number, kind: PageKind): Promise<{ ns: number }>;
  /** Finds the pages that were written, after one look that found none. */
  track(request: TrackRequest): Promise<TrackFigures>;
  snapshot(request: SnapshotRequest): Promise<SnapshotFigures>;
  /** The stream of a snapshot in lz4, of memory that holds what the file does. */
  compressed(path: string, threads: number): Promise<{ ns: number; bytes: number }>;
  /** AES-256-GCM of node:crypto alone, over as much memory. */
  gcm(bytes: number): Promise<{ ns: number }>;
  /** A full image at `path`, and after some pages have changed an increment beside it. */
  increment(request: IncrementRequest): Promise<IncrementFigures>;
  /** An image of that size. */
  makeImage(request: LazyRequest): Promise<void>;
  /** That image restored lazily, and as a whole. */
  lazy(request: LazyRequest): Promise<LazyFigures>;
  /** A picture of a machine of QEMU that listens at `qmp`. */
  machine(qmp: string, sink: VmSink): Promise<MachinePicture>;
  /** A snapshot over a connection that is cut when its reader has had `cutAtBytes`; 0 for never. */
  resume(request: { bytes: number; cutAtBytes: number; isSession: boolean }): Promise<ResumeFigures>;
}

export interface LazyFigures {
  readonly openMs: number;
  /** The first touch of a page in the middle. */
  readonly firstAccessMs: number;
  readonly eagerMs: number;
}

export interface ResumeFigures {
  readonly streamMs: number;
  /** Given to the connection that was cut, and never read. */
  readonly lostBytes: number;
  /** Given to the one after it, though the reader had it. */
  readonly againBytes: number;
}

export interface TrackFigures {
  readonly ns: number;
  /** Of all writes together. */
  readonly writeNs: number;
  readonly pages: number;
}

export interface IncrementFigures {
  readonly fullMs: number;
  readonly fullBytes: number;
  /** Of the first one in its process, and of those after it. */
  readonly firstIncrementMs: number;
  readonly incrementMs: number;
  readonly incrementBytes: number;
}

/** Built from src/ours/main.ts; seen from src/ as from dist/. */
const PROGRAM = fileURLToPath(new URL('../dist/ours.js', import.meta.url));

/** `addon` is the compiled peers/addon.c, `program` the bundled src/ours/main.ts. */
export function oursWith(addon: string, program = PROGRAM): Ours {
  const run = (scenario: string, request: object): Promise<Result> => {
    const args = ['--expose-gc', program, scenario, JSON.stringify({ ...request, addon })];
    return new Child(process.execPath, args).last();
  };
  return {
    async arm(bytes, kind, ahead) {
      const result = await run('arm', { bytes, kind, ahead });
      return { ns: numberAt(result, 'ns'), hugeBytes: numberAt(result, 'hugeBytes') };
    },
    async captureUntouched(bytes) {
      const result = await run('untouched', { bytes });
      return {
        residentBytes: numberAt(result, 'residentBytes'),
        dataBytes: numberAt(result, 'dataBytes'),
        zeroPages: numberAt(result, 'zeroPages'),
      };
    },
    async sweep(bytes, kind) {
      return { ns: numberAt(await run('sweep', { bytes, kind }), 'ns') };
    },
    async track(request) {
      return trackFiguresOf(await run('track', request));
    },
    async compressed(file, threads) {
      const result = await run('compressed', { path: file, threads });
      return { ns: numberAt(result, 'ns'), bytes: numberAt(result, 'bytes') };
    },
    async gcm(bytes) {
      return { ns: numberAt(await run('gcm', { bytes }), 'ns') };
    },
    async increment(request) {
      const result = await run('increment', request);
      return {
        fullMs: numberAt(result, 'fullMs'),
        fullBytes: numberAt(result, 'fullBytes'),
        firstIncrementMs: numberAt(result, 'firstIncrementMs'),
        incrementMs: numberAt(result, 'incrementMs'),
        incrementBytes: numberAt(result, 'incrementBytes'),
      };
    },
    async machine(qmp, vmSink) {
      const result = await run('vm', { qmp, vmSink });
      return { totalMs: numberAt(result, 'totalMs'), pauseMs: numberAt(result, 'pauseMs') };
    },
    async makeImage(request) {
      await run('makeImage', request);
    },
    async lazy(request) {
      const result = await run('lazy', request);
      return {
        openMs: numberAt(result, 'openMs'),
        firstAccessMs: numberAt(result, 'firstAccessMs'),
        eagerMs: numberAt(await run('eager', request), 'ms'),
      };
    },
    async resume({ bytes, cutAtBytes, isSession }) {
      const args = ['--expose-gc', program, 'resumeReader', JSON.stringify({ cutAtBytes, addon })];
      const reader = new Child(process.execPath, args);
      const port = numberAt(await reader.next(), 'port');
      const result = await run('resume', { bytes, port, isSession });
      const read = await reader.last();
      const [first = 0, second = 0] = numbersAt(result, 'givenBytes');
      const takenBytes = numberAt(read, 'takenBytes');
      return {
        streamMs: numberAt(result, 'streamMs'),
        lostBytes: first - takenBytes,
        againBytes: second - (numberAt(read, 'bytes') - takenBytes),
      };
    },
    async snapshot(request) {
      const result = await run('snapshot', request);
      return {
        streamMs: numberAt(result, 'streamMs'),
        totalMs: numberAt(result, 'totalMs'),
        pauseMs: numberAt(result, 'pauseMs'),
        faults: numberAt(result, 'faults'),
        preImageBytesMax: numberAt(result, 'preImageBytesMax'),
        spilledBytesMax: numberAt(result, 'spilledBytesMax'),
        growthBytes: numberAt(result, 'growthBytes'),
        writes: writesOf(result),
      };
    },
  };
}

export function trackFiguresOf(result: Result): TrackFigures {
  return {
    ns: numberAt(result, 'ns'),
    writeNs: numberAt(result, 'writeNs'),
    pages: numberAt(result, 'pages'),
  };
}
