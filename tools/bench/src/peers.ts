import path from 'node:path';
import { Child, numberAt, type Result } from './child-process.ts';
import type { Program } from './compile.ts';
import { type TrackFigures, trackFiguresOf } from './ours.ts';
import { type WriterLoad, type Writes, writesOf } from './load.ts';
import { pageTrips } from './moving/page-trip.ts';
import type { Route } from './moving/route.ts';

export type PageKind = 'base' | 'huge' | 'untouched';

/** The C programs. Each call is one run in a process of its own. */
export interface Peers {
  /** The bare ioctl. */
  arm(bytes: number, kind: PageKind): Promise<{ ns: number; hugeBytes: number }>;
  /** Finds the pages that were written, by ioctls alone. */
  track(bytes: number, every: number): Promise<TrackFigures>;
  copy(bytes: number, kind: PageKind, form: 'ring' | 'whole' | 'release'): Promise<{ ns: number }>;
  /** LZ4 alone, on as many threads, of what the file holds. */
  pack(file: string, threads: number): Promise<{ ns: number }>;
  writeFile(bytes: number, file: string, state: 'fresh' | 'existing'): Promise<{ ns: number }>;
  sendTcp(bytes: number, port: number): Promise<{ ns: number }>;
  /** A reader that keeps nothing. `received` resolves when the sender has ended the connection. */
  discard(): Promise<{ port: number; received: () => Promise<number> }>;
  /** With `sweeps`, `durationMs` is not used: the run ends with the sweep. */
  handleFaults(
    bytes: number,
    load: WriterLoad,
    options: { durationMs: number; sweeps: boolean },
  ): Promise<{ writes: Writes; faults: number; streamMs: number; pauseMs: number }>;
  /** Fills redis-server with `count` values of `bytes` each. */
  loadRedis(socket: string, count: number, bytes: number): Promise<{ ns: number }>;
  /** A client that asks one thing after the other. Resolves when it has been answered once. */
  probeRedis(socket: string): Promise<RedisProbe>;
  /** The command of a program that reads a pipe as the sinks of ours take what they get. */
  pipeReader(options: PipeReaderOptions): string;
  /** A page at a time over a route on which nothing else goes. */
  pageTrips(route: Route): Promise<Writes>;
  fork(
    bytes: number,
    load: WriterLoad,
    file: string,
  ): Promise<{ writes: Writes; pauseMs: number; totalMs: number; extraBytes: number }>;
}

/** At `bytesPerSecond`, or as it comes; standing still `stalls` times, evenly spread over `imageBytes`. */
export interface PipeReaderOptions {
  readonly bytesPerSecond?: number;
  readonly stalls?: number;
  readonly stallMs?: number;
  readonly imageBytes?: number;
}

/** How long each request of one client takes. */
export interface RedisProbe {
  begin(): void;
  /** The requests since `begin`; ends the client. */
  end(): Promise<Writes>;
}

/** `folder` holds the compiled programs. */
export function peersIn(folder: string): Peers {
  const start = (program: Program, ...args: (string | number)[]): Child =>
    new Child(path.join(folder, program), args.map(String));
  const time = async (program: Program, ...args: (string | number)[]): Promise<{ ns: number }> => ({
    ns: numberAt(await start(program, ...args).last(), 'ns'),
  });
  return {
    pipeReader({ bytesPerSecond = 0, stalls = 0, stallMs = 0, imageBytes = 0 }) {
      return [path.join(folder, 'pipe_reader'), bytesPerSecond, stalls, stallMs, imageBytes].join(' ');
    },
    async arm(bytes, kind) {
      const result = await start('arm', bytes, kind).last();
      return { ns: numberAt(result, 'ns'), hugeBytes: numberAt(result, 'hugeBytes') };
    },
    track: async (bytes, every) => trackFiguresOf(await start('track', bytes, every).last()),
    copy: (bytes, kind, form) => time('copy', bytes, kind, form),
    pack: (file, threads) => time('pack', file, threads),
    writeFile: (bytes, file, state) => time('write_file', bytes, file, state),
    sendTcp: (bytes, port) => time('send_tcp', bytes, port),
    async discard() {
      const reader = start('discard');
      const port = numberAt(await reader.next(), 'port');
      return { port, received: async () => numberAt(await reader.last(), 'bytes') };
    },
    async handleFaults(bytes, load, { durationMs, sweeps }) {
      const result = await start(
        'fault_handler',
        bytes,
        load.writers,
        load.writesPerSecond,
        Math.ceil(durationMs),
        sweeps ? 1 : 0,
      ).last();
      return {
        writes: writesOf(result),
        faults: numberAt(result, 'faults'),
        streamMs: milliseconds(result, 'streamNs'),
        pauseMs: milliseconds(result, 'pauseNs'),
      };
    },
    loadRedis: (socket, count, bytes) => time('redis_load', socket, count, bytes),
    async probeRedis(socket) {
      const probe = start('redis_probe', socket);
      await probe.next();
      return {
        begin: () => probe.tell('b'),
        end: async () => {
          probe.tell('e');
          return writesOf(await probe.last());
        },
      };
    },
    pageTrips: (route) => pageTrips(folder, route),
    async fork(bytes, load, file) {
      const result = await start('fork_snapshot', bytes, load.writers, load.writesPerSecond, file).last();
      return {
        writes: writesOf(result),
        pauseMs: milliseconds(result, 'pauseNs'),
        totalMs: milliseconds(result, 'totalNs'),
        extraBytes: numberAt(result, 'extraBytes'),
      };
    },
  };
}

function milliseconds(result: Result, key: string): number {
  return numberAt(result, key) / 1e6;
}
