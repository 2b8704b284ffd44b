import { readdirSync, readFileSync } from 'node:fs';
import { statusField } from '../src/process/stat.ts';

/** What a capture could leave behind in a process. */
export function traces(pid: number) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const smaps = readFileSync(`/proc/${pid}/smaps`, 'utf8');
  return {
    tracer: statusField(status, 'TracerPid'),
    fds: readdirSync(`/proc/${pid}/fd`).length,
    armedMappings: [...smaps.matchAll(/^VmFlags:.* (um|uw|ui)\b/gm)].length,
    pending: [statusField(status, 'SigPnd'), statusField(status, 'ShdPnd'), statusField(status, 'SigBlk')],
    mappings: readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').length,
  };
}
