import { SnapshotError } from '@stillframe/snapshot';
import type { FileSource } from '../io/file-source.ts';

/** Which of several files was read last: the one that is damaged, when what was read is. */
export class ReadMark {
  #path = '';

  /** `source`, whose reads are noted. */
  noting(path: string, source: FileSource): FileSource {
    const note = () => (this.#path = path);
    return {
      sizeBytes: source.sizeBytes,
      read(into) {
        note();
        return source.read(into);
      },
      readAt(offset, length) {
        note();
        return source.readAt(offset, length);
      },
      [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
    };
  }

  /** Does `work`; where it fails because of damage, the error has the operand `path`. */
  async naming<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof SnapshotError ? this.#named(error) : error;
    }
  }

  #named(error: SnapshotError): SnapshotError {
    const { code, message, operands, hint, cause } = error;
    if (operands['streamCode'] === undefined || this.#path === '') return error;
    const named = new SnapshotError(code, message, {
      operands: { path: this.#path, ...operands },
      hint,
      cause,
    });
    named.failedCleanups.push(...error.failedCleanups);
    return named;
  }
}
