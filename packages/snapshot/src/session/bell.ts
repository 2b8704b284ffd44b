/** Wakes everybody who waits for something to change; they look for themselves whether it was that. */
export class Bell {
  #waiting: (() => void)[] = [];

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  ring(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
