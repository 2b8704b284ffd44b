// The thread that fills pages: an entry of its own in the build, because the thread that made the server may sleep in a fault.
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type PageCodec, pureCodec } from '@stillframe/page-stream';
import { PageFiller } from '@stillframe/uffd';
import { openFiles } from './image-files.ts';
import { ImageFiller } from './image-filler.ts';
import type { FillTask, FillWord } from './worker-task.ts';

const task: FillTask = workerData;
const say = (word: FillWord): void => parentPort?.postMessage(word, []);

async function fill(): Promise<void> {
  const image = openFiles(task, await codec());
  const filler = PageFiller.attach(task.serverId);
  const { pagesPerPage, files } = task;
  const work = new ImageFiller(filler, {
    image,
    fd: files.length === 1 && pagesPerPage === 1 ? files[0]!.fd : -1,
    pagesPerPage,
    onLost: (lost) => {
      if (task.tellsStderr)
        writeSync(2, `lost: page ${lost.firstPage} of region ${lost.region}: ${lost.message}\n`);
      say({ type: 'lost', ...lost });
    },
  });
  say({ type: 'ready' });
  await work.run();
  filler.close();
}

async function codec(): Promise<PageCodec> {
  if (task.codecModule === undefined) return pureCodec;
  try {
    const { pageCodec }: { pageCodec: PageCodec } = await import(task.codecModule);
    return pageCodec;
  } catch (error) {
    // Not built for this machine: what JavaScript cannot unpack is told, page by page.
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return pureCodec;
    throw error;
  }
}

void fill();
