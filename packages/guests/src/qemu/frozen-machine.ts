import type { Attachment } from '../process/attachment.ts';

/**
 * A machine at rest because its QEMU is: every thread of the process stands still. For RAM without devices, which QEMU has no part in.
 *
 * Who holds it is the tracer, a process of its own: were we killed or stopped, it lets QEMU go on (I-4). A `stop` by QMP would not.
 *
 * Not handled: disks. QEMU has not flushed them, and what a device is writing to memory at that moment may be half there.
 */
export class FrozenMachine {
  readonly #attachment: Attachment;
  readonly #sinceMs = performance.now();

  private constructor(attachment: Attachment) {
    this.#attachment = attachment;
  }

  /** @throws TraceError; the machine is as it was. */
  static take(attachment: Attachment): FrozenMachine {
    attachment.stop({ registers: false });
    return new FrozenMachine(attachment);
  }

  /** Called once. Resolves to how long QEMU stood still. @throws TraceError `stopped-too-long` when it had been let go before. */
  async release(): Promise<number> {
    this.#attachment.resume();
    return performance.now() - this.#sinceMs;
  }
}
