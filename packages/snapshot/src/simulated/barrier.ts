/** Something to wait at until somebody lifts it, once. */
export class Barrier {
  readonly lifted: Promise<void>;
  #isLifted = false;
  #lift: () => void = () => {};

  constructor() {
    this.lifted = new Promise((resolve) => {
      this.#lift = resolve;
    });
  }

  get isLifted(): boolean {
    return this.#isLifted;
  }

  lift(): void {
    this.#isLifted = true;
    this.#lift();
  }
}
