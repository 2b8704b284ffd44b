export type * from './guest.ts';
