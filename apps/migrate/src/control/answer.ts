import { exitCodeOf, exitCodes, causesOf } from '../exit-code.ts';
import { makeLimiter } from '../options/limiter-choice.ts';
import { codeOf } from '../report/report.ts';
import { type Answer, type Failure, parseRequest, PROTOCOL_VERSION, type Request } from './protocol.ts';
import type { Steering } from './steering.ts';

/** Does what one line asks for. Never rejects: what is wrong is the answer, and then nothing has changed. */
export async function answer(line: string, steering: Steering): Promise<Answer> {
  try {
    const request = parseRequest(line);
    await obey(request, steering);
    return {
      ok: true,
      protocol: PROTOCOL_VERSION,
      command: request.command,
      pid: process.pid,
      ...steering.status(),
    };
  } catch (error) {
    return failure(error);
  }
}

async function obey(request: Request, steering: Steering): Promise<void> {
  switch (request.command) {
    case 'status':
      return;
    case 'set-limiter': {
      const { limiter, directory = process.cwd() } = request;
      return steering.setLimiter(await makeLimiter(limiter, directory), 'control');
    }
    case 'pause':
      return steering.pause(true, 'control');
    case 'resume':
      return steering.pause(false, 'control');
    case 'cancel':
      return steering.cancel('control');
  }
}

export function failure(error: unknown): Failure {
  const causes = causesOf(error);
  const [first] = causes;
  return {
    ok: false,
    protocol: PROTOCOL_VERSION,
    code: codeOf(causes),
    message: first?.message ?? String(error),
    hint: first !== undefined && 'hint' in first ? String(first.hint) : '',
    exitCode: exitCodeOf(error) === exitCodes.usage ? exitCodes.usage : exitCodes.refused,
  };
}
