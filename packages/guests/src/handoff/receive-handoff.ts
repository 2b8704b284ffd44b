import { setTimeout } from 'node:timers/promises';
import { closeFd, receiveFds } from '@stillframe/uffd';
import { HandoffError } from './error.ts';
import { type HandoffMapping, MESSAGE_MAX_BYTES, parseMappings } from './mappings.ts';

/** What a monitor hands over. The descriptors are the receiver's to close. */
export interface Handoff {
  readonly mappings: readonly HandoffMapping[];
  readonly uffd: number;
  /** The file that its memory is, if it sends one. */
  readonly memoryFd: number | undefined;
}

/** A socket cannot be asked to tell when a message with descriptors is there, other than by looking. */
const LOOK_MS = 2;
const WAIT_DEFAULT_MS = 10_000;

/**
 * Waits for the message of a monitor on a connected Unix socket that nobody reads.
 * @throws HandoffError HANDOFF_MESSAGE when it is something else, or does not come within `waitMs`.
 */
export async function receiveHandoff(
  socket: number,
  options: { readonly waitMs?: number; readonly signal?: AbortSignal } = {},
): Promise<Handoff> {
  const { waitMs = WAIT_DEFAULT_MS, signal } = options;
  const fds: number[] = [];
  let text = '';
  try {
    for (let waited = 0; waited < waitMs; ) {
      const message = receiveFds(socket, MESSAGE_MAX_BYTES);
      if (message === null) {
        // oxlint-disable-next-line no-await-in-loop -- see LOOK_MS
        await setTimeout(LOOK_MS, undefined, signal === undefined ? {} : { signal });
        waited += LOOK_MS;
        continue;
      }
      fds.push(...message.fds);
      text += Buffer.from(message.bytes).toString();
      if (message.bytes.length === 0) throw failed('the connection ended before the list was complete');
      const mappings = parseMappings(text);
      if (mappings === undefined) continue;
      const [uffd, memoryFd, ...more] = fds;
      if (uffd === undefined || more.length > 0 || message.fdsLost) {
        throw failed(`the list came with ${fds.length} descriptors`);
      }
      return { mappings, uffd, memoryFd };
    }
    throw failed(`no list of mappings within ${waitMs} ms`);
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    throw error;
  }
}

function failed(message: string): HandoffError {
  const hint = 'A monitor sends one message: the list, with a userfaultfd, or a userfaultfd and a memfd';
  return new HandoffError('HANDOFF_MESSAGE', message, hint);
}
