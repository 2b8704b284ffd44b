import { numberOption } from '@stillframe/limiter';
import * as v from 'valibot';
import { MAX_WRITERS } from './control-block.ts';
import { startCounter } from './counter/counter.ts';
import { counterOracle } from './counter/counter-oracle.ts';
import { MAX_WASM_BYTES, WASM_PAGE_BYTES } from './guest-memory.ts';
import { startKv } from './kv/kv.ts';
import { kvOracle } from './kv/kv-oracle.ts';
import { MIN_KV_BYTES } from './kv/kv-state.ts';
import { type OptionsSchema, validateOptions } from './options.ts';
import { startSqlite } from './sqlite/sqlite.ts';
import { MAX_SQLITE_BYTES, MIN_SQLITE_BYTES } from './sqlite/sqlite-module.ts';
import { sqliteOracle } from './sqlite/sqlite-oracle.ts';
import { MAX_ROWS, MIN_ROWS } from './sqlite/transfer.ts';
import type { Oracle, Workload, WorkloadOptions } from './workload.ts';

/** One bundled workload: its parameters, how to start it, and its oracle. */
export interface WorkloadDefinition {
  readonly name: string;
  readonly summary: string;
  readonly schema: OptionsSchema;
  /** Throws WORKLOAD_SPEC for options that do not fit the schema. */
  start(options: WorkloadOptions): Promise<Workload>;
  readonly oracle: Oracle;
}

function sizeOption(min: number, max: number, description: string) {
  return v.pipe(
    numberOption({ kind: 'bytes', description, min, max }),
    v.multipleOf(WASM_PAGE_BYTES, 'not a multiple of 64KiB'),
  );
}

function rateOption(what: string) {
  return numberOption({
    kind: 'count',
    description: `${what} per second; 0 is full speed`,
    min: 0,
    max: 1e9,
  });
}

function fillOption(what: string) {
  const description = `percent of ${what} written once before the load begins`;
  return numberOption({ kind: 'count', description, min: 0, max: 100 });
}

const counter = define({
  name: 'counter',
  summary: 'threads that stamp the pages of one memory with one ascending number',
  schema: v.object({
    size: v.optional(sizeOption(WASM_PAGE_BYTES, MAX_WASM_BYTES, 'guest memory'), '256MiB'),
    writers: v.optional(
      numberOption({ kind: 'count', description: 'writer threads', min: 1, max: MAX_WRITERS }),
      2,
    ),
    rate: v.optional(rateOption('page writes of all writers'), 20_000),
    fill: v.optional(fillOption('the pages'), 100),
  }),
  start: startCounter,
  oracle: counterOracle,
});

const kv = define({
  name: 'kv',
  summary: 'a key-value store in a WebAssembly memory, under a load of puts, gets and deletes',
  schema: v.object({
    size: v.optional(sizeOption(MIN_KV_BYTES, MAX_WASM_BYTES, 'guest memory'), '256MiB'),
    rate: v.optional(rateOption('operations'), 5000),
    fill: v.optional(fillOption('the keys'), 100),
  }),
  start: startKv,
  oracle: kvOracle,
});

const sqlite = define({
  name: 'sqlite',
  summary: 'SQLite in WebAssembly, its database in its linear memory, under a stream of transactions',
  schema: v.object({
    rows: v.optional(
      numberOption({ kind: 'count', description: 'accounts in the database', min: MIN_ROWS, max: MAX_ROWS }),
      100_000,
    ),
    rate: v.optional(rateOption('transactions'), 2000),
    size: v.optional(
      sizeOption(MIN_SQLITE_BYTES, MAX_SQLITE_BYTES, 'linear memory at first; it grows when needed'),
      '128MiB',
    ),
  }),
  start: startSqlite,
  oracle: sqliteOracle,
});

export const workloadDefinitions: readonly WorkloadDefinition[] = [counter, kv, sqlite];

interface TypedDefinition<Schema extends OptionsSchema> extends Omit<WorkloadDefinition, 'schema' | 'start'> {
  readonly schema: Schema;
  start(options: v.InferOutput<Schema>): Promise<Workload>;
}

/** A definition whose `start` takes what its own schema gives. */
function define<Schema extends OptionsSchema>(definition: TypedDefinition<Schema>): WorkloadDefinition {
  const { name, schema } = definition;
  return {
    ...definition,
    start: async (options) => definition.start(validateOptions(name, schema, options)),
  };
}
