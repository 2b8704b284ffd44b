export { type ImageFiles, openFiles } from './image-files.ts';
export { type FillOptions, ImageFill } from './image-fill.ts';
export type { LostRun } from './image-filler.ts';
export { LazyMemory, type LazyOptions } from './lazy-memory.ts';
export {
  decodeWorkingSet,
  encodeWorkingSet,
  mergeOrders,
  readWorkingSet,
  workingSetPath,
  writeWorkingSet,
} from './working-set.ts';
