import { createConnection } from 'node:net';
import { LineSplitter } from '@stillframe/snapshot/trace';
import { CliError } from '../cli-error.ts';
import { ANSWER_MAX_BYTES, ANSWER_MS } from './limits.ts';
import { type Answer, PROTOCOL_VERSION, type Request } from './protocol.ts';
import { checkSocketPath } from './socket-path.ts';

/** Asks one thing. Throws CliError PEER_UNREACHABLE when nobody answers at `path`, or not as we understand. */
export async function askControl(path: string, request: Request, signal: AbortSignal): Promise<Answer> {
  checkSocketPath(path);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  const socket = createConnection({ path, signal: limit });
  try {
    socket.write(`${JSON.stringify(request)}\n`);
    const lines = new LineSplitter(ANSWER_MAX_BYTES);
    for await (const chunk of socket) {
      for (const line of lines.take(chunk)) return understand(line);
    }
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof CliError) throw cause;
    throw new CliError('PEER_UNREACHABLE', `no running snapshot answers at ${path}`, {
      hint: 'PATH is what `migrate source` or `migrate snapshot` was given as --control, while it runs.',
      cause,
    });
  } finally {
    socket.destroy();
  }
  throw new CliError('PEER_UNREACHABLE', `the snapshot at ${path} has ended without an answer`);
}

function understand(line: string): Answer {
  const answer = parse(line);
  if (isAnswer(answer)) return answer;
  throw new CliError('PEER_UNREACHABLE', 'what answers there is no snapshot that we understand', {
    hint: 'Use the `migrate` of the same version.',
  });
}

/** As far as can be told: the rest is what its version says. */
function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null || !('protocol' in value) || !('ok' in value)) return false;
  return value.protocol === PROTOCOL_VERSION && typeof value.ok === 'boolean';
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
