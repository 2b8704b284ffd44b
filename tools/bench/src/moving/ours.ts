import { Child, ChildError, numberAt, type Result } from '../child-process.ts';
import type { Route } from './route.ts';

export type Mode = 'precopy' | 'postcopy' | 'hybrid';

/** What a bundled guest that moved tells of it. */
export interface MoveFigures {
  readonly downtimeMs: number;
  readonly durationMs: number;
  readonly sentBytes: number;
  readonly memoryBytes: number;
  /** Of pages that were touched before they came, as the destination saw it; 0 where there were none. */
  readonly remoteFaultP99Us: number;
  readonly remoteFaults: number;
}

export interface MoveOptions {
  readonly program: string;
  readonly route: Route;
  readonly mode: Mode;
  readonly guestBytes: number;
  /** Of 4 KiB pages. */
  readonly writesPerSecond: number;
}

/** Moves a counter by the command line, as anybody would. */
export async function moveCounter(options: MoveOptions): Promise<MoveFigures> {
  const { program, route, mode, guestBytes, writesPerSecond } = options;
  const migrate = (...args: readonly string[]) => [
    process.execPath,
    program,
    ...args,
    '--insecure',
    '--json',
  ];
  const dest = start(
    route.atDestination(migrate('dest', '--listen', `${route.host}:0`, '--once', '--keep-s', '0.3')),
  );
  const at = `${route.host}:${numberAt(await until(dest, 'listening'), 'port')}`;
  const guest = `counter,size=${guestBytes},writers=2,rate=${writesPerSecond}`;
  const source = start(
    route.atSource(migrate('source', '--to', at, '--workload', guest, '--mode', mode, '--before-ms', '300')),
  );
  const left = await until(source, 'summary');
  if (left['outcome'] !== 'done') {
    dest.end();
    throw new ChildError(`the guest did not move: ${JSON.stringify(left)}`);
  }
  const came = await until(dest, 'summary');
  if (came['verified'] !== true) {
    throw new ChildError(`the guest did not arrive whole: ${JSON.stringify(came)}`);
  }
  return {
    downtimeMs: numberAt(left, 'downtimeMs'),
    durationMs: numberAt(left, 'durationMs'),
    sentBytes: numberAt(left, 'sentBytes'),
    memoryBytes: numberAt(left, 'memoryBytes'),
    remoteFaultP99Us: Number(came['faultP99Us'] ?? 0),
    remoteFaults: Number(came['requestedPages'] ?? 0),
  };
}

function start([file = '', ...args]: readonly string[]): Child {
  return new Child(file, args);
}

/** The next line of this type. */
export async function until(child: Child, type: string): Promise<Result> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- line by line
    const line = await child.next();
    if (line['type'] === type) return line;
  }
}
