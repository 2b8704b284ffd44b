import { constants } from 'node:os';
import { hintFor } from './hints.ts';

/** What a failed call was given. Addresses and lengths are bigint. */
export type Operands = Readonly<Record<string, bigint | number | string | boolean | readonly string[]>>;

/** The kernel's error numbers, positive, by name. */
export const ERRNO = constants.errno;

const errnoNames = new Map<number, string>(
  Object.entries(ERRNO)
    // Synonyms: the name that Linux documentation prefers wins.
    .filter(([name]) => name !== 'EWOULDBLOCK' && name !== 'ENOTSUP')
    .map(([name, errno]) => [errno, name]),
);

/** The symbolic name of a positive errno, e.g. `EPERM`; `E133` style for one that Node does not name. */
export function errnoName(errno: number): string {
  // EHWPOISON is not in Node's table.
  return errnoNames.get(errno) ?? (errno === 133 ? 'EHWPOISON' : `E${errno}`);
}

/**
 * A system call failed. Mistakes in the arguments are TypeError or RangeError instead, with `code` UFFD_ARGUMENT, or UFFD_CLOSED for the
 * use of something closed.
 */
export class UffdError extends Error {
  override readonly name = 'UffdError';
  /** `UFFD_` and the errno's name: UFFD_EPERM, UFFD_EBUSY … Stable. */
  readonly code: string;
  /** The kernel's number, positive. */
  readonly errno: number;
  /** The call, e.g. `userfaultfd` or `ioctl(UFFDIO_COPY)`. */
  readonly syscall: string;
  readonly operands: Operands;
  /** What a person can do about it; empty when the error says it all. */
  readonly hint: string;

  constructor(syscall: string, errno: number, operands: Operands = {}, options: { cause?: unknown } = {}) {
    const name = errnoName(errno);
    const hint = hintFor(syscall, name);
    const shown = Object.entries(operands).map(([key, value]) => `${key}=${show(value)}`);
    super(
      `${syscall}: ${name}${shown.length > 0 ? ` (${shown.join(', ')})` : ''}${hint === '' ? '' : `. ${hint}`}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = `UFFD_${name}`;
    this.errno = errno;
    this.syscall = syscall;
    this.operands = operands;
    this.hint = hint;
  }

  /** JSON has no bigint: operands are shown as text. */
  toJSON(): Record<string, unknown> {
    const { name, message, code, errno, syscall, hint } = this;
    const operands = Object.fromEntries(
      Object.entries(this.operands).map(([key, value]) => [key, show(value)]),
    );
    return { name, message, code, errno, syscall, operands, hint };
  }
}

function show(value: Operands[string]): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return Array.isArray(value) ? value.join('|') : String(value);
}

/** A number from the addon: returned when it is a value, thrown as UffdError when it is an errno negated. */
export function checked<Value extends number | bigint>(
  result: Value,
  syscall: string,
  operands?: Operands,
): Value {
  if (result < 0) throw new UffdError(syscall, -Number(result), operands);
  return result;
}

/** A mistake of the caller. */
export function argumentError(kind: typeof TypeError | typeof RangeError, message: string): Error {
  return Object.assign(new kind(message), { code: 'UFFD_ARGUMENT' });
}

/** The use of something that was closed. */
export function closedError(what: string): TypeError {
  return Object.assign(new TypeError(`${what} is closed`), { code: 'UFFD_CLOSED' });
}
