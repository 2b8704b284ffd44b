export { type MemoryTracker, trackMemory, type TrackMemoryOptions } from './memory-tracker.ts';
