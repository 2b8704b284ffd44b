// Measures the way between two network namespaces: `serve` echoes the first byte of a connection and says how many came at its end.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const PORT = 7000;
const SEND_BYTES = 2 ** 20;
const [what, address] = process.argv.slice(2);

function serve() {
  createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    let bytes = 0;
    socket.on('data', (chunk) => {
      if (bytes === 0) socket.write(chunk.subarray(0, 1));
      bytes += chunk.length;
    });
    socket.on('end', () => socket.end(JSON.stringify({ bytes })));
    socket.on('error', () => socket.destroy());
  }).listen(PORT);
}

/** The server may not listen yet. */
async function connected() {
  const socket = connect({ host: address, port: PORT, noDelay: true });
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    await sleep(10);
    return await connected();
  }
}

async function measure() {
  const socket = await connected();
  const startMs = performance.now();
  socket.write(Buffer.alloc(what === 'send' ? SEND_BYTES : 1));
  const [first] = await once(socket, 'data');
  const roundTripMs = performance.now() - startMs;
  let text = first.subarray(1).toString();
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.end();
  await once(socket, 'end');
  console.log(JSON.stringify({ ...JSON.parse(text), roundTripMs, durationMs: performance.now() - startMs }));
}

if (what === 'serve') serve();
else await measure();
