import type { LinkNumbers, SnapshotProgress } from '@stillframe/snapshot';
import * as v from 'valibot';
import { CliError } from '../cli-error.ts';
import type { LimiterSetting } from '../options/limiter-choice.ts';
import { nearest } from '../workloads/nearest.ts';

/** Of the requests and answers below; a change that an old client would stumble over has the next number. */
export const PROTOCOL_VERSION = 1;

/** One line of JSON asks, one line answers, in order; a connection may ask as often as it likes. */
const requests = {
  status: v.strictObject({ command: v.literal('status') }),
  'set-limiter': v.strictObject({
    command: v.literal('set-limiter'),
    limiter: v.union(
      [v.string(), v.looseObject({ name: v.string() })],
      'is neither NAME[,k=v…] nor a mapping with a name',
    ),
    /** Where relative paths in `limiter` begin; the folder in which the snapshot was started when not given. */
    directory: v.optional(v.string()),
  }),
  pause: v.strictObject({ command: v.literal('pause') }),
  resume: v.strictObject({ command: v.literal('resume') }),
  cancel: v.strictObject({ command: v.literal('cancel') }),
};

export type CommandName = keyof typeof requests;
export type Request = { [Name in CommandName]: v.InferOutput<(typeof requests)[Name]> }[CommandName];

export const commandNames: readonly CommandName[] = ['status', 'set-limiter', 'pause', 'resume', 'cancel'];

/** What a running snapshot says of itself. */
export interface Status {
  /** `waiting`: the snapshot has not begun. `done`: it has ended, the command has not. */
  readonly state: 'waiting' | 'running' | 'done';
  /** The sweep is held. */
  readonly paused: boolean;
  readonly limiter: { readonly name: string; readonly setting: LimiterSetting };
  /** Absent while `waiting`. */
  readonly progress?: SnapshotProgress;
  /** Of a connection that may come back, from when it is there. */
  readonly link?: LinkNumbers;
}

export interface Success extends Status {
  readonly ok: true;
  readonly protocol: typeof PROTOCOL_VERSION;
  readonly command: CommandName;
  readonly pid: number;
}

export interface Failure {
  readonly ok: false;
  readonly protocol: typeof PROTOCOL_VERSION;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** What `migrate ctl` ends with: 2 for a request that is wrong, 15 for one that cannot be met. */
  readonly exitCode: number;
}

export type Answer = Success | Failure;

/** Throws CliError USAGE that says what is wrong with the line. */
export function parseRequest(line: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new CliError('USAGE', 'the request is no line of JSON', { cause, hint: EXAMPLE });
  }
  const command: unknown = typeof value === 'object' && value !== null && 'command' in value && value.command;
  if (typeof command !== 'string') {
    throw new CliError('USAGE', 'the request has no command', { hint: EXAMPLE });
  }
  if (!isCommand(command)) {
    throw new CliError('USAGE', `there is no command ${JSON.stringify(command.slice(0, 64))}`, {
      hint: `Did you mean ${nearest(command, commandNames)}? Commands: ${commandNames.join(', ')}.`,
    });
  }
  const result = v.safeParse(requests[command], value);
  if (result.success) return result.output;
  throw mistakeIn(command, result.issues[0]);
}

const EXAMPLE = 'For example {"command":"status"}';

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(requests, name);
}

function mistakeIn(command: CommandName, issue: v.BaseIssue<unknown>): CliError {
  const key = v.getDotPath(issue) ?? 'the request';
  const known = Object.keys(requests[command].entries);
  if (issue.expected !== 'never') {
    return new CliError('USAGE', `${command}: ${key} ${issue.message}`, {
      hint: 'For example {"command":"set-limiter","limiter":"token-bucket,rate=50MiB/s"}',
    });
  }
  return new CliError('USAGE', `${command}: there is no key ${key}`, {
    hint: `Did you mean ${nearest(key, known)}? Keys here: ${known.join(', ')}.`,
  });
}
