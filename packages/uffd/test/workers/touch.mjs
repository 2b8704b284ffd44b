import { parentPort, workerData } from 'node:worker_threads';

parentPort.postMessage(new Uint8Array(workerData.memory)[workerData.at], []);
