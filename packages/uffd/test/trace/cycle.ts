import { closeFd, type ProcessTracer, type StoppedProcess } from '../../src/index.ts';

/** All that a snapshot does to a process, once. */
export function cycle(tracer: ProcessTracer): StoppedProcess {
  const stopped = tracer.stop();
  closeFd(tracer.makeUserfaultfd());
  tracer.resume();
  return stopped;
}
