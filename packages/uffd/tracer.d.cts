/** The path of the executable that traces, see native/trace/main.cc. */
declare const tracer: string;
export = tracer;
