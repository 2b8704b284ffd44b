export { SimulatedLazyMemory } from './lazy-memory.ts';
export {
  type MovingGuestStep,
  SIMULATED_KIND,
  SimulatedMovingGuest,
  type SimulatedMovingGuestOptions,
} from './moving-guest.ts';
export {
  type MovingTargetStep,
  SimulatedMovingTarget,
  type SimulatedMovingTargetOptions,
} from './moving-target.ts';
export { type SequenceMemory, type SequenceRegion, wrongPages } from './sequence-memory.ts';
