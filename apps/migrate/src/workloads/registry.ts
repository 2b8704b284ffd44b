import { type WorkloadDefinition, workloadDefinitions } from './definition.ts';
import { WorkloadError } from './error.ts';
import { nearest } from './nearest.ts';
import { describeOptions, type OptionDescription, validateOptions } from './options.ts';
import type { Oracle, Workload, WorkloadOptions } from './workload.ts';

/** A workload chosen by name, its options complete and valid. */
export interface WorkloadSpec {
  readonly name: string;
  readonly options: WorkloadOptions;
}

export interface WorkloadDescription {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionDescription[];
}

/** Reads `NAME[,key=value…]`, e.g. `counter,size=256MiB,rate=20000`. Throws WORKLOAD_SPEC that names the key and its nearest. */
export function parseWorkload(text: string): WorkloadSpec {
  const [name = '', ...pairs] = text.split(',').map((part) => part.trim());
  const definition = definitionOf(name);
  const given = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw wrong(`${name}: "${pair}" is not key=value`);
    const key = pair.slice(0, equals).trim();
    if (given.has(key)) throw wrong(`${name}: ${key} is given twice`);
    given.set(key, pair.slice(equals + 1).trim());
  }
  return { name, options: validateOptions(name, definition.schema, Object.fromEntries(given)) };
}

/** Starts it; resolves when its memory is filled and the load runs. Rejects with WORKLOAD_START. */
export function startWorkload(spec: WorkloadSpec): Promise<Workload> {
  return definitionOf(spec.name).start(spec.options);
}

/** The oracle for a state of this kind, e.g. `workload/counter@1`; undefined for what is no bundled workload. */
export function oracleFor(kind: string): Oracle | undefined {
  return workloadDefinitions.find(({ oracle }) => oracle.kind === kind)?.oracle;
}

/** For help texts. */
export function describeWorkloads(): readonly WorkloadDescription[] {
  return workloadDefinitions.map(({ name, summary, schema }) => ({
    name,
    summary,
    options: describeOptions(schema),
  }));
}

function definitionOf(name: string): WorkloadDefinition {
  const found = workloadDefinitions.find((definition) => definition.name === name);
  if (found) return found;
  const names = workloadDefinitions.map((definition) => definition.name);
  throw wrong(`no workload is called "${name}"; the nearest is ${nearest(name, names)}`);
}

function wrong(message: string): WorkloadError {
  return new WorkloadError('WORKLOAD_SPEC', message);
}
