import { parentPort, workerData } from 'node:worker_threads';
import native from '#native';

const { serverId, pageSize } = workerData;
const filler = new native.PageFiller(serverId, fill);

function fill() {
  do {
    for (let words = filler.take(64); words.length > 0; words = filler.take(64)) {
      for (let at = 0; at < words.length; at += 4) {
        const [region, firstPage, pages] = words.subarray(at, at + 3);
        for (let page = firstPage; page < firstPage + pages; page++) {
          const bytes = new Uint8Array(pageSize).fill((page % 250) + 1);
          bytes[8] = page >> 8;
          filler.install(region, page, bytes);
        }
      }
    }
  } while (!filler.serverClosed() && filler.readyOrNotify());
}

filler.keepAlive(true);
fill();
parentPort.postMessage('ready', []);
