import native from '#native';
import { argumentError, checked, ERRNO } from './errors.ts';
import { toFd, toInteger } from './range.ts';

/** SCM_MAX_FD: the kernel's limit on descriptors in one message. */
export const FDS_PER_MESSAGE_MAX = 253;

const SOCKET_TYPES = { stream: 1, datagram: 2, seqpacket: 5 } as const;

/** Two connected Unix sockets, close-on-exec, the caller's to close. */
export function socketPair(type: keyof typeof SOCKET_TYPES = 'stream'): [number, number] {
  if (!Object.hasOwn(SOCKET_TYPES, type)) {
    throw argumentError(TypeError, `type must be stream, datagram or seqpacket, not ${type}`);
  }
  const pair = new Int32Array(2);
  checked(native.socketPair(SOCKET_TYPES[type], pair), 'socketpair', { type });
  const [one = -1, other = -1] = pair;
  return [one, other];
}

const MSG_CTRUNC = 0x08;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
/** A bound on the buffer of one message. */
const BYTES_MAX = 1 << 20;

/**
 * Sends duplicates of `fds`, attached to `bytes`, which cannot be empty: a descriptor travels with data. Never blocks.
 * @param socket A descriptor of a Unix socket.
 * @returns Bytes sent: on a stream possibly fewer; the descriptors went with the first one.
 * @throws UffdError UFFD_EAGAIN when the socket's buffer is full; UFFD_EPIPE when the other end is closed.
 */
export function sendFds(
  socket: number,
  fds: readonly number[],
  bytes: Uint8Array = new Uint8Array(1),
): number {
  toFd(socket, 'socket');
  toInteger(fds.length, 'the number of descriptors', 1, FDS_PER_MESSAGE_MAX);
  if (bytes.byteLength === 0) throw argumentError(RangeError, 'bytes must not be empty');
  const numbers = Int32Array.from(fds, (fd) => toFd(fd, 'a descriptor to send'));
  const sent = native.sendFds(socket, numbers, bytes, MSG_DONTWAIT);
  return checked(sent, 'sendmsg', { socket, fds: fds.join(' '), sizeBytes: bytes.byteLength });
}

export interface ReceivedFds {
  readonly bytes: Uint8Array;
  /** Close-on-exec, the receiver's to close. */
  readonly fds: readonly number[];
  /** The kernel dropped descriptors: there was no room for them (ulimit -n). */
  readonly fdsLost: boolean;
  /** The rest of a datagram did not fit. */
  readonly bytesLost: boolean;
}

/**
 * Receives what `sendFds` sent. Never blocks.
 * @param maxBytes Of data, 1 to 1 MiB. Default 64 KiB.
 * @returns null when nothing is waiting; no bytes and no descriptors when a stream has ended.
 */
export function receiveFds(socket: number, maxBytes = 65_536): ReceivedFds | null {
  const into = new Uint8Array(toInteger(maxBytes, 'maxBytes', 1, BYTES_MAX));
  const fds: number[] = [];
  const [result, flags] = native.receiveFds(toFd(socket, 'socket'), into, MSG_DONTWAIT, fds);
  if (result === -ERRNO.EAGAIN) return null;
  return {
    bytes: into.subarray(0, checked(result, 'recvmsg', { socket })),
    fds,
    fdsLost: (flags & MSG_CTRUNC) !== 0,
    bytesLost: (flags & MSG_TRUNC) !== 0,
  };
}
