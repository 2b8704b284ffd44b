import type { GuestState, Region } from '@stillframe/snapshot';
import { type EngineRegion, pageSize, type StoppedProcess } from '@stillframe/uffd';
import type { CapturePlan } from './capture-plan.ts';
import type { FilterName } from './dump-filter.ts';
import { type ProcessFacts, threadNames } from './facts.ts';
import type { Mapping } from './mapping.ts';
import { fileKey } from './other-users.ts';
import type { ProcDirectory } from './proc-directory.ts';
import { firstEndingAfter } from './ranges.ts';
import { PROCESS_STATE_KIND, type ProcessState, type StateRegion } from './state.ts';
import { encodeProcessState } from './state-encode.ts';

const NS_PER_MS = 1_000_000n;

export interface ProcessCutOptions {
  readonly proc: ProcDirectory;
  readonly facts: ProcessFacts;
  readonly filter: readonly FilterName[];
  readonly includeDontDump: boolean;
  /** Files (`fileKey`) that other processes have mapped. */
  readonly mappedByOthers: ReadonlySet<string>;
  readonly stopped: StoppedProcess;
  readonly mappings: readonly Mapping[];
  /** What is captured, as far as is known before `plan` is set. */
  readonly provisional: CapturePlan;
}

/**
 * A process as it stood.
 *
 * Ordering: made during the pause, out of what only the pause can give. Everything else (parsing registers, names of threads, encoding)
 * happens when somebody reads the bytes of the state, after the process has resumed.
 */
export class ProcessCut {
  readonly mappings: readonly Mapping[];
  readonly #options: ProcessCutOptions;
  readonly #unixNs = BigInt(Date.now()) * NS_PER_MS;
  #plan: CapturePlan;
  #bytes: Uint8Array | undefined;

  constructor(options: ProcessCutOptions) {
    this.#options = options;
    this.mappings = options.mappings;
    this.#plan = options.provisional;
  }

  get plan(): CapturePlan {
    return this.#plan;
  }

  /** What is captured in the end. Not after the bytes of the state were read. */
  set plan(plan: CapturePlan) {
    if (this.#bytes !== undefined) throw new TypeError('the state was read before the cut was complete');
    this.#plan = plan;
  }

  /** Encoded when its bytes are first read; nothing of the process is looked at then but names of threads. */
  state(): GuestState {
    const bytes = (): Uint8Array => (this.#bytes ??= encodeProcessState(this.#state()));
    return {
      kind: PROCESS_STATE_KIND,
      get bytes() {
        return bytes();
      },
    };
  }

  #state(): ProcessState {
    const { proc, facts, filter, includeDontDump, mappedByOthers, stopped } = this.#options;
    const names = threadNames(
      proc,
      stopped.threads.map(({ tid }) => tid),
    );
    return {
      ...facts,
      pageSize,
      cutUnixNs: this.#unixNs,
      filter,
      includesDontDump: includeDontDump,
      mappings: this.mappings.map((mapping) => ({
        // oxlint-disable-next-line no-map-spread -- once a snapshot, outside of the pause
        ...mapping,
        sharedWithOthers: mappedByOthers.has(fileKey(mapping)),
      })),
      regions: stateRegions(this.#plan),
      threads: stopped.threads.map((thread) => ({
        tid: thread.tid,
        comm: names.get(thread.tid) ?? '',
        regsets: thread.regsets,
        signalMask: thread.signalMask,
        pendingSignals: thread.pendingSignals,
        siginfo: thread.siginfo,
        stopSignal: thread.stopSignal,
      })),
      sharedPendingSignals: stopped.threads[0]?.sharedPendingSignals ?? 0n,
    };
  }
}

/** The armed ones first: their ids are those of the engine. */
function stateRegions({ armed, copied }: CapturePlan): StateRegion[] {
  return [
    ...engineRegions({ armed }).map((region) => Object.assign(region, { copied: false })),
    ...copied.map(({ start, end }) => ({
      address: start,
      sizeBytes: Number(end - start),
      pageSize,
      copied: true,
    })),
  ];
}

export function engineRegions({ armed }: Pick<CapturePlan, 'armed'>): EngineRegion[] {
  return armed.map(({ start, end, pageSize: size }) => ({
    address: start,
    sizeBytes: Number(end - start),
    pageSize: size,
  }));
}

/** As the page stream names them: the address, and what was there. */
export function namedRegions(plan: CapturePlan, mappings: readonly Mapping[]): Region[] {
  return stateRegions(plan).map(({ address, sizeBytes, pageSize: size }, id) => {
    const mapping = mappings[firstEndingAfter(mappings, address)];
    const what = mapping === undefined || mapping.path === '' ? 'anonymous' : mapping.path;
    return { id, name: `${address.toString(16)} ${what}`, sizeBytes, pageSize: size };
  });
}
