import type { OracleCheck } from './workload.ts';

/** Counts how often one property of an image is violated, and keeps where it was first. */
export class Finding {
  readonly name: string;
  readonly #holds: string;
  #count = 0;
  #first = '';

  /** `holds` is the line for a person when nothing is wrong. */
  constructor(name: string, holds: string) {
    this.name = name;
    this.#holds = holds;
  }

  add(detail: () => string): void {
    if (this.#count === 0) this.#first = detail();
    this.#count += 1;
  }

  check(): OracleCheck {
    const more = this.#count > 1 ? ` (and ${this.#count - 1} more)` : '';
    return { name: this.name, ok: this.#count === 0, detail: this.#count ? this.#first + more : this.#holds };
  }
}

export function allHold(checks: readonly OracleCheck[]): boolean {
  return checks.every((check) => check.ok);
}
