import type { ComplianceCase } from '../src/compliance/index.ts';

/** Everything in a simulation is done, or hangs for ever, after far fewer turns of the event loop. */
const TURNS = 400;

async function turnsOfTheLoop(): Promise<'hangs'> {
  for (let turn = 0; turn < TURNS; turn++) {
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  return 'hangs';
}

async function outcomeOf({ run }: ComplianceCase): Promise<'passes' | 'fails'> {
  try {
    await run();
    return 'passes';
  } catch {
    return 'fails';
  }
}

/** The cases that a defect does not get past: those that fail, or that a runner would end for want of time. */
export async function caughtBy(cases: readonly ComplianceCase[]): Promise<string[]> {
  const caught: string[] = [];
  for (const complianceCase of cases) {
    // oxlint-disable-next-line no-await-in-loop -- one case after the other
    if ((await Promise.race([outcomeOf(complianceCase), turnsOfTheLoop()])) !== 'passes')
      caught.push(complianceCase.name);
  }
  return caught;
}

/** Replaces a method by one that is given the old one. */
export function wrap<T extends object, K extends keyof T>(
  of: T,
  name: K,
  wrapper: (old: T[K]) => T[K],
): void {
  const old = of[name];
  const bound: T[K] = typeof old === 'function' ? old.bind(of) : old;
  Object.defineProperty(of, name, { value: wrapper(bound), configurable: true, writable: true });
}
