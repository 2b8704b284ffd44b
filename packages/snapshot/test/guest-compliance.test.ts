import { describe } from 'vitest';
import { guestCompliance } from '../src/compliance/index.ts';
import { SimulatedGuest, simulatedClock } from '../src/simulated/index.ts';
import { runCases } from './run-cases.ts';

describe('simulated guest', () => {
  const cases = guestCompliance({
    notesChanges: true,
    makeGuest: async () => {
      const clock = simulatedClock({ autoAdvance: true });
      const guest = new SimulatedGuest({
        clock,
        regions: [{ pageCount: 64 }, { pageCount: 64, touchedPages: 40 }],
      });
      return {
        guest,
        clock,
        untouched: { region: 1, page: 50 },
        write: (region, page, bytes) => guest.write(region, page, bytes),
        read: (region, page) => guest.read(region, page),
        [Symbol.asyncDispose]: () => guest[Symbol.asyncDispose](),
      };
    },
  });
  runCases(cases);
});
