import { randomBytes } from 'node:crypto';
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Sink, nullSink } from '@stillframe/snapshot';
import { SealKey } from '@stillframe/sealed-file';
import type { Mapping } from '@stillframe/uffd';
import { openFileSink } from '../../../../apps/migrate/src/io/file-sink.ts';
import { tcpTransport } from '../../../../apps/migrate/src/io/tcp-transport.ts';
import type { SinkChoice } from '../ours.ts';

/** One call of the peer's plain loop. */
const BLOCK_BYTES = 2 ** 20;
/** Heads of frames and the end: an image is at most this much larger than the memory in it. */
const IMAGE_EXTRA_BYTES = 16 * 2 ** 20;

/** `storeBytes` will be allocated after this and before the image is written: a fresh file needs that much more memory at hand. */
export async function openSink(choice: SinkChoice, memory: Mapping, storeBytes: number): Promise<Sink> {
  switch (choice.kind) {
    case 'fresh':
      writeWhole(choice.path, memory, storeBytes);
      unlinkSync(choice.path);
      return openFileSink(
        choice.path,
        choice.isSealed === true ? { key: SealKey.fromKeyFile(randomBytes(32)) } : {},
      );
    case 'existing':
      writeWhole(choice.path, memory, IMAGE_EXTRA_BYTES);
      return overwritingSink(choice.path);
    case 'tcp':
      return tcpSink(choice.port);
    case 'stalling':
      return stallingSink(memory.sizeBytes, choice);
    case 'slow':
      return slowSink(choice.bytesPerSecond);
    case 'null':
    default:
      return nullSink();
  }
}

function writeWhole(path: string, memory: Mapping, extraBytes: number): void {
  const fd = openSync(path, 'wx', 0o600);
  const bytes = new Uint8Array(memory.buffer);
  for (let at = 0; at < memory.sizeBytes + extraBytes; at += BLOCK_BYTES) {
    writeSync(fd, bytes, at % memory.sizeBytes, BLOCK_BYTES);
  }
  closeSync(fd);
}

async function overwritingSink(path: string): Promise<Sink> {
  const file = await open(path, 'r+');
  return {
    async write(iovecs) {
      let rest = [...iovecs];
      let left = rest.reduce((sum, bytes) => sum + bytes.byteLength, 0);
      while (left > 0) {
        // oxlint-disable-next-line no-await-in-loop -- in order
        const { bytesWritten } = await file.writev(rest);
        left -= bytesWritten;
        if (left > 0) rest = withoutFirst(rest, bytesWritten);
      }
    },
    end: () => file.close(),
    abort: () => file.close(),
  };
}

function withoutFirst(iovecs: Uint8Array[], sizeBytes: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = sizeBytes;
  for (const bytes of iovecs) {
    const skipped = Math.min(skip, bytes.byteLength);
    skip -= skipped;
    if (skipped < bytes.byteLength) rest.push(bytes.subarray(skipped));
  }
  return rest;
}

async function tcpSink(port: number): Promise<Sink> {
  const socket = connect({ host: '127.0.0.1', port });
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  const transport = tcpTransport(socket);
  return {
    write: (iovecs) => transport.write(iovecs),
    end: () => transport.end(),
    abort: () => transport.destroy(),
  };
}

export function stallingSink(
  imageBytes: number,
  { stalls, stallMs }: { stalls: number; stallMs: number },
): Sink {
  const sink = nullSink();
  let done = 0;
  return {
    ...sink,
    async write(iovecs) {
      await sink.write(iovecs);
      if (done === stalls || sink.bytes < ((done + 1) * imageBytes) / (stalls + 1)) return;
      done += 1;
      await sleep(stallMs);
    },
  };
}

export function slowSink(bytesPerSecond: number): Sink {
  const sink = nullSink();
  const startMs = performance.now();
  return {
    ...sink,
    async write(iovecs) {
      await sink.write(iovecs);
      const dueMs = startMs + (sink.bytes / bytesPerSecond) * 1000;
      await sleep(Math.max(0, dueMs - performance.now()));
    },
  };
}
