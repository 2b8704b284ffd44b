import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { parse } from 'yaml';
import { CliError } from '../cli-error.ts';
import { configSchema } from './config-schema.ts';
import { nearest } from '../workloads/nearest.ts';

export type ConfigFile = Omit<v.InferOutput<typeof configSchema>, '$schema'>;

/** Bounds what is parsed: a config is a page of text. */
const CONFIG_MAX_BYTES = 1 << 20;

/** Throws CliError USAGE that names the file and the key, FILE when it cannot be read. */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliError('FILE', `cannot read the config file ${path}`, { cause: error });
  }
  if (text.length > CONFIG_MAX_BYTES) throw new CliError('USAGE', `${path} is too large for a config file`);
  let value: unknown;
  try {
    value = parse(text) ?? {};
  } catch (error) {
    throw new CliError('USAGE', `${path} is neither YAML nor JSON: ${messageOf(error)}`, { cause: error });
  }
  // To the schema a list is an object without keys.
  if (Array.isArray(value)) throw new CliError('USAGE', `${path}: the file is a list, not keys and values`);
  const result = v.safeParse(configSchema, value);
  if (!result.success) throw configError(path, result.issues[0]);
  const { $schema: _, ...file } = result.output;
  return file;
}

const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(configSchema.entries),
  preImages: Object.keys(configSchema.entries.preImages.wrapped.entries),
};

function configError(path: string, issue: v.BaseIssue<unknown>): CliError {
  const key = v.getDotPath(issue) ?? '';
  const parent = key.includes('.') ? key.slice(0, key.lastIndexOf('.')) : '';
  const name = key.slice(parent === '' ? 0 : parent.length + 1);
  const known = KEYS[parent] ?? [];
  if (issue.expected === 'never' && !known.includes(name)) {
    const close = nearest(name, known);
    return new CliError('USAGE', `${path}: there is no key ${key}`, {
      hint: `Did you mean ${close}? Keys here: ${known.join(', ')}.`,
    });
  }
  return new CliError('USAGE', `${path}: ${key || 'the file'}: ${issue.message}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
