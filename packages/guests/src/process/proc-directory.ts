import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { ProcessGuestError } from './error.ts';

/**
 * The files of one process under /proc. `root` is another place in tests.
 *
 * Every method throws ProcessGuestError: PROCESS_NOT_FOUND when the process is gone, PROCESS_FORBIDDEN when it may not be looked at.
 */
export class ProcDirectory {
  readonly pid: number;
  readonly path: string;
  readonly root: string;

  constructor(pid: number, root = '/proc') {
    if (!Number.isInteger(pid) || pid < 1 || pid > PID_MAX) {
      throw new RangeError(`pid must be a whole number from 1 to ${PID_MAX}, not ${pid}`);
    }
    this.pid = pid;
    this.root = root;
    this.path = `${root}/${pid}`;
  }

  text(name: string): string {
    return this.attempt(name, () => readFileSync(`${this.path}/${name}`, 'utf8'));
  }

  bytes(name: string): Uint8Array {
    return this.attempt(name, () => new Uint8Array(readFileSync(`${this.path}/${name}`)));
  }

  link(name: string): string {
    return this.attempt(name, () => readlinkSync(`${this.path}/${name}`));
  }

  names(name: string): string[] {
    return this.attempt(name, () => readdirSync(`${this.path}/${name}`));
  }

  attempt<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.failure(name, error);
    }
  }

  failure(name: string, cause: unknown): ProcessGuestError {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    const operands = { pid: this.pid, file: name };
    if (code === 'ENOENT' || code === 'ESRCH') {
      return new ProcessGuestError('PROCESS_NOT_FOUND', `process ${this.pid} does not exist`, {
        operands,
        cause,
      });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      return new ProcessGuestError('PROCESS_FORBIDDEN', `${this.path}/${name} may not be read`, {
        operands,
        cause,
      });
    }
    return new ProcessGuestError('PROCESS_READ_FAILED', `${this.path}/${name} could not be read`, {
      operands,
      cause,
    });
  }
}

const PID_MAX = 0x7fff_ffff;
