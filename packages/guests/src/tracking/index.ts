export { type MemoryTracker, trackMemory, type TrackMemoryOptions } from './memory-tracker.ts';
export {
  type DirtyRange,
  type ProcessTracker,
  trackProcess,
  type TrackProcessOptions,
} from './process-tracker.ts';
