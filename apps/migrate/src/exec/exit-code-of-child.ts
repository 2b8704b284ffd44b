import { constants } from 'node:os';
import type { ChildEnd } from './exec-child.ts';

/** As a shell tells it. */
export function exitCodeOfChild({ code, signal }: ChildEnd): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
