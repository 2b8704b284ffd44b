import * as v from 'valibot';
import { excerpt } from './errors.ts';
import { splitOutsideBrackets, withoutBrackets } from './brackets.ts';
import { NUMBER_PARSERS, NUMBER_PATTERNS } from './option-kinds.ts';
import type { OptionMetadata } from './options.ts';
import { isRecord } from './record.ts';

/** A rate from a time on. `rate` is in bytes per second; `unlimited`, or 0 for a pause. */
export interface Phase {
  readonly afterMs: number;
  readonly rate: number | 'unlimited';
}

/** A phase as a config file writes it; in the shorthand `AFTER:RATE`. */
export interface PhaseConfig {
  readonly afterMs: string | number;
  readonly rate: string | number;
}

export interface PhasesSpec {
  readonly description: string;
  readonly maxPhases: number;
  readonly minRate: number;
  readonly maxRate: number;
  readonly maxAfterMs: number;
}

/** A schema for a list of phases, the first from 0 on, the last without a pause; in the shorthand `0s:50MiB/s+30s:unlimited`. */
export function phasesOption(spec: PhasesSpec) {
  const metadata: OptionMetadata = { kind: 'phases', json: jsonSchema(spec) };
  return v.pipe(
    v.custom<string | readonly PhaseConfig[]>(() => true),
    v.rawTransform<string | readonly PhaseConfig[], readonly Phase[]>(({ dataset, addIssue, NEVER }) => {
      try {
        return phasesOf(dataset.value, spec);
      } catch (error) {
        addIssue({ message: error instanceof Error ? error.message : String(error) });
        return NEVER;
      }
    }),
    v.description(spec.description),
    v.metadata({ ...metadata }),
  );
}

/** Throws an Error, also a UnitError, whose message says which phase is wrong. */
function phasesOf(value: unknown, spec: PhasesSpec): readonly Phase[] {
  const list: unknown = typeof value === 'string' ? splitOutsideBrackets(withoutBrackets(value), '+') : value;
  if (!Array.isArray(list) || list.length === 0 || list.length > spec.maxPhases) {
    throw new Error(`not a list of 1 to ${spec.maxPhases} phases`);
  }
  const phases = list.map((item: unknown) => phaseOf(item, spec));
  phases.forEach(({ afterMs }, index) => {
    const before = phases[index - 1];
    if (before === undefined && afterMs !== 0) throw new Error('the first phase does not begin at 0');
    if (before !== undefined && afterMs <= before.afterMs) {
      throw new Error(`phase ${index + 1} does not begin after the one before it`);
    }
  });
  if (phases.at(-1)?.rate === 0)
    throw new Error('the last phase is a pause, so the sweep would never finish');
  return phases;
}

function phaseOf(item: unknown, { minRate, maxRate, maxAfterMs }: PhasesSpec): Phase {
  const { afterMs: after, rate } = partsOf(item);
  const afterMs = NUMBER_PARSERS.duration(after);
  if (afterMs > maxAfterMs) throw new Error(`${excerpt(after)} is not in 0 … ${maxAfterMs}`);
  if (rate === 'unlimited') return { afterMs, rate };
  const bytesPerSecond = NUMBER_PARSERS.rate(rate);
  if (bytesPerSecond !== 0 && (bytesPerSecond < minRate || bytesPerSecond > maxRate)) {
    throw new Error(`${excerpt(rate)} is neither 0, a pause, nor in ${minRate} … ${maxRate}`);
  }
  return { afterMs, rate: bytesPerSecond };
}

function partsOf(item: unknown): PhaseConfig {
  if (typeof item === 'string') {
    const [after = '', rate, ...rest] = item.split(':').map((part) => part.trim());
    if (rate === undefined || rest.length > 0) throw new Error(`${excerpt(item)} is not AFTER:RATE`);
    return { afterMs: after, rate };
  }
  if (!isRecord(item)) throw new Error('a phase is neither text nor a mapping');
  const { afterMs, rate, ...rest } = item;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new Error(`a phase has afterMs and rate, not ${excerpt(unknown)}`);
  if (isQuantity(afterMs) && isQuantity(rate)) return { afterMs, rate };
  throw new Error('a phase needs afterMs and rate');
}

function isQuantity(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function jsonSchema({ maxPhases, maxRate, maxAfterMs }: PhasesSpec): OptionMetadata['json'] {
  const afterMs = {
    anyOf: [
      { type: 'number', minimum: 0, maximum: maxAfterMs },
      { type: 'string', pattern: NUMBER_PATTERNS.duration },
    ],
  };
  const rate = {
    anyOf: [
      { type: 'number', minimum: 0, maximum: maxRate },
      { type: 'string', pattern: NUMBER_PATTERNS.rate },
      { const: 'unlimited' },
    ],
  };
  const phase = {
    type: 'object',
    properties: { afterMs, rate },
    required: ['afterMs', 'rate'],
    additionalProperties: false,
  };
  const items = { anyOf: [phase, { type: 'string' }] };
  return { anyOf: [{ type: 'array', items, minItems: 1, maxItems: maxPhases }, { type: 'string' }] };
}
