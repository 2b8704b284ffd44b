import { parentPort } from 'node:worker_threads';
import native from '#native';

parentPort.postMessage(native.pageSize(), []);
