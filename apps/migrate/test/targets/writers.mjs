// Stamps a SharedArrayBuffer from worker threads, as stamps.h says. The protocol is that of target.h. Arguments: THREADS PAGES
// PAUSE_US. JavaScript does not know the address of its memory, so the ready line says null: a reader looks for the header.
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const WORDS = 512;
const SEEN_WORD = 1;
const MAGIC = ~Buffer.from('SFSTAMPS').readBigUInt64LE() & 0xffff_ffff_ffff_ffffn;

/** @param {{ words: BigUint64Array, stop: Int32Array, threads: number, pages: number, pauseMs: number }} world */
function writeStamps({ words, stop, threads, pages, pauseMs }, thread) {
  const published = (1 + thread) * WORDS;
  const next = (1 + ((thread + 1) % threads)) * WORDS;
  for (let step = 1; Atomics.load(stop, 0) === 0; step++) {
    const page = (1 + threads + thread * pages + ((step - 1) % pages)) * WORDS;
    const stamp = BigInt(step);
    const seen = Atomics.load(words, next);
    for (let word = 0; word < WORDS; word++) words[page + word] = word === SEEN_WORD ? seen : stamp;
    Atomics.store(words, published, stamp);
    if (pauseMs > 0) Atomics.wait(stop, 0, 0, pauseMs);
  }
}

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function main([threads, pages, pauseUs]) {
  const words = new BigUint64Array(new SharedArrayBuffer((1 + threads + threads * pages) * WORDS * 8));
  const stop = new Int32Array(new SharedArrayBuffer(4));
  words.set([MAGIC, BigInt(threads), BigInt(pages)]);
  const world = { words, stop, threads, pages, pauseMs: pauseUs / 1000 };
  const ends = Array.from({ length: threads }, (_, thread) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { world, thread } });
    return new Promise((resolve) => {
      worker.once('exit', resolve);
    });
  });
  const publishedBy = (thread) => Atomics.load(words, (1 + thread) * WORDS);
  const awaitSteps = async (more) => {
    const goals = ends.map((_, thread) => publishedBy(thread) + BigInt(more));
    while (goals.some((goal, thread) => publishedBy(thread) < goal)) {
      // oxlint-disable-next-line no-await-in-loop -- until they have
      await sleep(1);
    }
  };
  const check = () => {
    for (let thread = 0; thread < threads; thread++) {
      const last = Number(publishedBy(thread));
      for (let step = Math.max(1, last - pages + 1); step <= last; step++) {
        const page = (1 + threads + thread * pages + ((step - 1) % pages)) * WORDS;
        const stamp = BigInt(step);
        if (words[page] !== stamp || words[page + WORDS - 1] !== stamp) return 'a page lost its stamp';
      }
    }
    return '';
  };
  await awaitSteps(1);
  say({ type: 'ready', pid: process.pid, memory: null });
  for await (const command of createInterface({ input: process.stdin })) {
    if (command === 'go-on') {
      await awaitSteps(2);
      say({ type: 'went-on' });
    } else if (command === 'warm') {
      await awaitSteps(pages);
      say({ type: 'warm' });
    } else if (command === 'check') {
      Atomics.store(stop, 0, 1);
      Atomics.notify(stop, 0);
      await Promise.all(ends);
      const why = check();
      say({ type: 'checked', ok: why === '', why });
    }
  }
  process.exit(0);
}

if (isMainThread) await main(process.argv.slice(2).map(Number));
else writeStamps(workerData.world, workerData.thread);
