// The parts of the orchestrator that turn numbers into observations and ask the limiter. They are the engine's own, not part of its public
// interface; here they run in virtual time, so that a policy sees in the lab what it would see in a snapshot.
export { NO_FAULTS, readFaults, type FaultReading } from '../../../../packages/snapshot/src/fault-reading.ts';
export { NOTHING_TAKEN, Observer, type Taken } from '../../../../packages/snapshot/src/observer.ts';
export { Pacer } from '../../../../packages/snapshot/src/pacer.ts';
export { type PumpMode, pumpMode } from '../../../../packages/snapshot/src/pump-mode.ts';
export { SinkMeter } from '../../../../packages/snapshot/src/sink-meter.ts';
export { type HeldSince, SojournMeter } from '../../../../packages/snapshot/src/sojourn-meter.ts';
