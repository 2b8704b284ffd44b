/** One thing that an implementation has to do, for any test runner: `test(name, run)`, or a skip with its reason. */
export interface ComplianceCase {
  readonly name: string;
  /** Why this case does not apply; `run` must not be called then. */
  readonly skip?: string;
  /** Rejects when the implementation does not comply. A hang is a failure too: give it the runner's time limit. */
  readonly run: () => Promise<void>;
}

export function complianceCase(
  name: string,
  skip: string | undefined,
  run: () => Promise<void>,
): ComplianceCase {
  return skip === undefined ? { name, run } : { name, skip, run };
}

/** Throws when `holds` is false. */
export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(`not compliant: ${message}`);
}

export function checkEqual(
  actual: number | string | undefined,
  expected: number | string,
  what: string,
): void {
  check(actual === expected, `${what} is ${actual}, expected ${expected}`);
}

export function checkBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  checkEqual(actual.byteLength, expected.byteLength, `the length of ${what}`);
  for (let at = 0; at < actual.byteLength; at++) {
    if (actual[at] !== expected[at])
      check(false, `${what} has ${actual[at]} at byte ${at}, expected ${expected[at]}`);
  }
}

/** Resolves when `run` rejects or throws, and fails when it does not. */
export async function checkRejects(run: () => unknown, what: string): Promise<void> {
  let rejected = false;
  try {
    await run();
  } catch {
    rejected = true;
  }
  check(rejected, `${what} did not fail`);
}
