export type { ComplianceCase } from './case.ts';
export { guestCompliance } from './guest.ts';
export type { GuestComplianceOptions, GuestUnderTest } from './guest-under-test.ts';
export { type SinkComplianceOptions, type SinkUnderTest, sinkCompliance } from './sink.ts';
