import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { kvMovable } from '../kv-service/kv-movable.ts';
import { bundledMovables, movableWorkload } from '../migration/bundled.ts';
import { type GuestModuleChoice, loadGuestModule } from '../migration/load-guest-module.ts';
import type { Movable } from '../migration/movable.ts';
import { parseWorkload } from '../workloads/index.ts';
import { parseEndpoint } from './endpoint.ts';
import { chooseQemu, type QemuChoice, type QemuFlags } from '../qemu/qemu-options.ts';
import type { GuestFlags } from './guest-options.ts';
import { type FlagNames, refuseWithoutEffect } from './no-effect.ts';

/** Of both sides. */
export interface ServedFlags {
  readonly serve?: string;
  readonly guestModule?: string;
}

/** Of a source. */
export interface MovingGuestFlags extends ServedFlags, QemuFlags, Pick<GuestFlags, 'workload' | 'pid'> {
  readonly movedTo?: string;
}

const NOT_OF_MACHINES: FlagNames = {
  pid: '--pid',
  workload: '--workload',
  guestModule: '--guest-module',
  serve: '--serve',
  movedTo: '--moved-to',
  beforeMs: '--before-ms',
};

/** Its writes are noted by the kernel, and nobody in QEMU waits for us. */
const NO_BRAKE: FlagNames = { brake: '--brake' };

export interface MovingGuestChoice {
  readonly movable: Movable;
  readonly options: Readonly<Record<string, string>>;
  /** It has users of its own: when the move fails, it goes on here until interrupted. */
  readonly stays: boolean;
}

export interface ArrivingGuestChoice {
  readonly movables: readonly Movable[];
  readonly optionsOf: (movable: Movable) => Readonly<Record<string, string>>;
}

export function addServedOptions(command: Command, side: 'source' | 'dest'): Command {
  command
    .option(
      '--serve <HOST:PORT>',
      side === 'source'
        ? '--workload kv that moves: where its clients find it, in the protocol of Redis'
        : 'a kv store that moves here: where its clients find it',
    )
    .option(
      '--guest-module <FILE[,k=v…]>',
      side === 'source'
        ? 'the guest that moves: what this JavaScript file exports (start, load)'
        : 'a kind of guest that may come: what this JavaScript file exports',
    );
  if (side === 'source') {
    command.option(
      '--moved-to <HOST:PORT>',
      'what clients are told when the kv store has moved: its --serve there',
    );
  }
  return command;
}

/** Undefined without `--qmp`. Throws CliError USAGE. */
export function chooseMovingMachine(flags: MovingGuestFlags): QemuChoice | undefined {
  const machine = chooseQemu(flags);
  if (machine === undefined) return undefined;
  const hint = 'One guest moves at a time, and a machine has its own load and its own users.';
  refuseWithoutEffect(flags, NOT_OF_MACHINES, 'with --qmp', hint);
  const instead = 'The processors of a machine are not slowed. --mode hybrid ends whatever it writes.';
  refuseWithoutEffect(flags, NO_BRAKE, 'with --qmp', instead);
  return machine;
}

/** Throws CliError USAGE or NOT_AVAILABLE, WORKLOAD_SPEC. */
export async function chooseMovingGuest(flags: MovingGuestFlags): Promise<MovingGuestChoice> {
  const { workload, pid, serve, movedTo, guestModule } = flags;
  if (guestModule !== undefined) {
    if (workload !== undefined || pid !== undefined) throw twoGuests();
    return { ...(await loadGuestModule(guestModule)), stays: true };
  }
  if (workload === undefined || pid !== undefined) {
    throw new CliError(
      'USAGE',
      'which guest moves? --workload, --guest-module or --qmp is missing, or --pid was given',
      {
        hint: 'For example --workload counter,size=256MiB, or --qmp SOCKET for a virtual machine. A foreign process can be pictured, but not moved.',
      },
    );
  }
  const spec = parseWorkload(workload);
  if (serve === undefined)
    return { movable: movableWorkload(spec), options: textsOf(spec.options), stays: false };
  if (spec.name !== 'kv') {
    throw new CliError('USAGE', `--serve is for --workload kv, not for ${spec.name}`, {
      hint: 'Leave --serve out.',
    });
  }
  parseEndpoint(serve, '--serve');
  if (movedTo !== undefined) parseEndpoint(movedTo, '--moved-to');
  return {
    movable: kvMovable,
    options: {
      listen: serve,
      sizeBytes: String(spec.options['size']),
      ...(movedTo === undefined ? {} : { movedTo }),
    },
    stays: true,
  };
}

/** What a destination can take up. Throws CliError USAGE. */
export async function chooseArrivingGuest({ serve, guestModule }: ServedFlags): Promise<ArrivingGuestChoice> {
  if (serve !== undefined) parseEndpoint(serve, '--serve');
  const own: GuestModuleChoice | undefined =
    guestModule === undefined ? undefined : await loadGuestModule(guestModule);
  const served = serve === undefined ? [] : [kvMovable];
  return {
    movables: [...(own === undefined ? [] : [own.movable]), ...served, ...bundledMovables],
    optionsOf: (movable) => {
      if (movable === own?.movable) return own.options;
      return movable === kvMovable && serve !== undefined ? { listen: serve } : {};
    },
  };
}

function textsOf(options: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).map(([key, value]) => [key, String(value)]));
}

function twoGuests(): CliError {
  return new CliError('USAGE', 'one guest moves at a time: --guest-module or --workload', {
    hint: 'Leave one of them out.',
  });
}
