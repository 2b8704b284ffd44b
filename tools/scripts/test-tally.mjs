// How many tests passed, failed and were skipped, with a line of text for each that did not pass.

export function newTally() {
  return new Tally();
}

class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** @type {string[]} */
  failures = [];
  /** @type {string[]} */
  skips = [];

  pass() {
    this.passed += 1;
  }

  fail(reason) {
    this.failed += 1;
    this.failures.push(reason);
  }

  skip(reason) {
    this.skipped += 1;
    this.skips.push(reason);
  }

  add(other, prefix = '') {
    this.passed += other.passed;
    this.failed += other.failed;
    this.skipped += other.skipped;
    this.failures.push(...other.failures.map((text) => prefix + text));
    this.skips.push(...other.skips.map((text) => prefix + text));
  }

  /** Where every test can run, one that did not is a hole in the gate. */
  refuseSkips() {
    for (const skip of this.skips) this.fail(`skipped, which CI does not allow: ${skip}`);
    this.skipped = 0;
    this.skips = [];
  }
}

export const isClean = (tally) => tally.failed === 0;

export function closingLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
