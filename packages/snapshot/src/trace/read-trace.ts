import * as v from 'valibot';
import { TraceError } from './error.ts';
import {
  entrySchemas,
  headerSchema,
  TRACE_FORMAT,
  TRACE_VERSION,
  type TraceEntry,
  type TraceHeader,
} from './format.ts';
import { LineSplitter } from './line-splitter.ts';

/** Longest line that is read: the header of a process with thousands of regions. */
export const TRACE_LINE_MAX_BYTES = 4 * 2 ** 20;

export interface Trace {
  readonly header: TraceHeader;
  /** Steps and gaps in order, `end` last. Once; what is wrong with a line is thrown when it is reached. */
  readonly entries: AsyncIterable<TraceEntry>;
}

/**
 * Reads a trace line by line. Lines of a type that is not known are passed over.
 *
 * @param source The bytes of a trace in pieces, such as a file's read stream.
 * @throws TraceError, or what reading fails with.
 */
export async function readTrace(source: AsyncIterable<Uint8Array>): Promise<Trace> {
  const lines = linesOf(source);
  const first = await lines.next();
  if (first.done === true) throw noTrace(1);
  return { header: headerOf(first.value.text), entries: entriesOf(lines) };
}

interface Line {
  readonly text: string;
  readonly number: number;
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  const splitter = new LineSplitter(TRACE_LINE_MAX_BYTES);
  let number = 0;
  for await (const chunk of chunks) {
    try {
      for (const text of splitter.take(chunk)) yield { text, number: ++number };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new TraceError('TRACE_LINE', number + 1, error.message, 'Is it a trace?', error);
    }
  }
}

async function* entriesOf(lines: AsyncGenerator<Line>): AsyncGenerator<TraceEntry> {
  let last = 1;
  for await (const { text, number } of lines) {
    last = number;
    const entry = entryOf(text, number);
    if (entry === undefined) continue;
    yield entry;
    if (entry.type === 'end') return;
  }
  throw new TraceError(
    'TRACE_TRUNCATED',
    last,
    'the trace ends here, without its end',
    'What was read until here is right.',
  );
}

function headerOf(text: string): TraceHeader {
  const value = parse(text, 1);
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== TRACE_FORMAT) {
    throw noTrace(1);
  }
  if (!('version' in value) || value.version !== TRACE_VERSION) {
    const version = 'version' in value ? String(value.version) : 'none';
    const hint = `This reads version ${TRACE_VERSION}.`;
    throw new TraceError('TRACE_VERSION', 1, `the trace is of version ${version.slice(0, 64)}`, hint);
  }
  return checked(headerSchema, value, 1);
}

function entryOf(text: string, number: number): TraceEntry | undefined {
  const value = parse(text, number);
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  if (typeof type !== 'string') throw new TraceError('TRACE_LINE', number, 'the line has no type', HINT);
  if (!isKnown(type)) return undefined;
  return checked(entrySchemas[type], value, number);
}

function isKnown(type: string): type is keyof typeof entrySchemas {
  return Object.hasOwn(entrySchemas, type);
}

function checked<S extends v.GenericSchema>(schema: S, value: unknown, number: number): v.InferOutput<S> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const key = v.getDotPath(issue) ?? 'the line';
  throw new TraceError('TRACE_LINE', number, `${key}: ${issue.message}`, HINT);
}

function parse(text: string, number: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (number === 1) throw noTrace(1);
    throw new TraceError('TRACE_LINE', number, 'the line is no JSON', HINT, cause);
  }
}

const HINT = 'The trace was changed or damaged.';

function noTrace(line: number): TraceError {
  return new TraceError(
    'TRACE_FORMAT',
    line,
    'this is no trace',
    'Traces are written by `migrate … --trace FILE`.',
  );
}
