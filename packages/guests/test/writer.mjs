// A writer of the guest, in plain JavaScript because workers on Node 20 run no TypeScript.
import { parentPort } from 'node:worker_threads';

parentPort.on('message', ({ memory, offset, bytes }) => {
  // The first store may sleep in the kernel until the engine has the page.
  new Uint8Array(memory, offset, bytes.length).set(bytes);
  parentPort.postMessage('done', []);
});
