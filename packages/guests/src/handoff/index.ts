export { HandoffError, type HandoffErrorCode } from './error.ts';
export { type HandoffMapping, parseMappings } from './mappings.ts';
export { type HandoffLayout, layOut } from './layout.ts';
export { type Handoff, receiveHandoff } from './receive-handoff.ts';
export { ServedMachine, type ServeHandoffOptions } from './serve-handoff.ts';
