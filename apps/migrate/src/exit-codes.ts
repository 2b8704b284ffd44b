/** One table; scripts rely on it. A signal ends with 128 + its number. */
export const exitCodes = {
  done: 0,
  bug: 1,
  usage: 2,
  userfaultfdUnavailable: 10,
  peerLost: 11,
  version: 12,
  corrupt: 13,
  notConverged: 14,
  refused: 15,
  localIo: 16,
  indeterminate: 20,
} as const;
