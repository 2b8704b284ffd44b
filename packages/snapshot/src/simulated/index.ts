export { Barrier } from './barrier.ts';
export { SimulatedCapture } from './capture.ts';
export { type SimulatedClock, type SimulatedClockOptions, simulatedClock } from './clock.ts';
export { type GuestStep, SimulatedGuest, type SimulatedGuestOptions } from './guest.ts';
export type { PageAddress, SimulatedRegion } from './memory.ts';
export { SimulatedPacker, type SimulatedPackerOptions } from './packer.ts';
export { SimulatedTarget, type SimulatedTargetOptions, type TargetStep } from './target.ts';
export { runWriters, type WritersOptions, type WritersReport } from './writers.ts';
export {
  type SimulatedConnection,
  type SimulatedConnectionOptions,
  simulatedConnection,
} from './connection.ts';
