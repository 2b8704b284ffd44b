// Does one thing at a time on request, through shared memory only, so that it can be asked while the asking thread's event loop stands still.
import { parentPort, workerData } from 'node:worker_threads';
import native from '#native';

const { control, operands, address, sizeBytes } = workerData;
const state = new Int32Array(control);
const args = new BigInt64Array(operands);
const REQUESTED = 1;
const RUNNING = 2;
const DONE = 3;

// The mapping is this thread's from now on.
const mapping = new native.OwnedMapping(address, sizeBytes);
const bytes = new Uint8Array(mapping.buffer());

const OPERATIONS = [
  (index, value) => {
    bytes[Number(index)] = Number(value);
  },
  (index) => bytes[Number(index)],
  (at, length, advice) => native.madvise(at, length, Number(advice)),
  (at, length) => native.munmap(at, length),
  (at, oldBytes, newBytes, flags, to) => native.mremap(at, oldBytes, newBytes, Number(flags), to),
];

parentPort.postMessage('ready', []);
for (;;) {
  for (let seen = Atomics.load(state, 0); seen !== REQUESTED; seen = Atomics.load(state, 0)) {
    Atomics.wait(state, 0, seen);
  }
  const [operation, ...rest] = args;
  Atomics.store(state, 0, RUNNING);
  Atomics.notify(state, 0);
  const result = OPERATIONS[Number(operation)](...rest);
  args[0] = BigInt(result ?? 0);
  Atomics.store(state, 0, DONE);
  Atomics.notify(state, 0);
}
