export { TraceError, type TraceErrorCode } from './error.ts';
export {
  TRACE_FORMAT,
  TRACE_VERSION,
  type TraceEnd,
  type TraceEntry,
  type TraceGap,
  type TraceHeader,
  type TracedSource,
  type TraceStep,
} from './format.ts';
export { LineSplitter } from './line-splitter.ts';
export { readTrace, type Trace, TRACE_LINE_MAX_BYTES } from './read-trace.ts';
