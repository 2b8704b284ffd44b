import * as v from 'valibot';
import type { LimiterStep } from '../event.ts';
import type { CaptureOptions } from '../guest.ts';

/** What the first line says; TRACE.md describes the rest. */
export const TRACE_FORMAT = 'stillframe-trace';
/** Of the lines below. Fields and types of lines may come without a new version: readers pass over what they do not know. */
export const TRACE_VERSION = 1;

/** What a limiter was made from. */
export interface TracedSource {
  /** `NAME[,k=v…]`, or a mapping with a name, as `limiterFromConfig` of @stillframe/limiter takes it. */
  readonly setting: string | { readonly name: string; readonly [option: string]: unknown };
  /** Where relative paths in `setting` begin; absolute. */
  readonly directory: string;
}

export interface TraceHeader {
  readonly type: 'header';
  readonly format: typeof TRACE_FORMAT;
  readonly version: typeof TRACE_VERSION;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly limiter: { readonly name: string } & TracedSource;
  /** As the limiter is told: of the largest pages where they differ. */
  readonly pageSize: number;
  readonly pageCount: number;
  readonly regions: readonly {
    readonly name: string;
    readonly sizeBytes: number;
    readonly pageSize: number;
  }[];
  readonly capture: CaptureOptions;
  /** What was pictured, in the words of the command line. */
  readonly guest: Readonly<Record<string, unknown>>;
}

/** One decision. `began` also says what the limiter was made from. */
export interface TraceStep extends Omit<LimiterStep, 'began' | 'isHeld'> {
  readonly type: 'step';
  readonly began?: NonNullable<LimiterStep['began']> & TracedSource;
  /** Present when the sweep was held: the grant was not acted on. */
  readonly isHeld?: true;
}

/** So many steps are missing here: the disk was slower than they came. */
export interface TraceGap {
  readonly type: 'gap';
  readonly steps: number;
}

export interface TraceEnd {
  readonly type: 'end';
  readonly outcome: 'done' | 'failed';
  /** Steps before this line, missing ones included. */
  readonly steps: number;
  readonly missing: number;
}

export type TraceEntry = TraceStep | TraceGap | TraceEnd;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const source = {
  setting: v.union([v.string(), v.looseObject({ name: v.string() })]),
  directory: v.string(),
};

export const headerSchema = v.looseObject({
  type: v.literal('header'),
  format: v.literal(TRACE_FORMAT),
  version: v.literal(TRACE_VERSION),
  startedAt: v.string(),
  limiter: v.looseObject({ name: v.string(), ...source }),
  pageSize: count,
  pageCount: count,
  regions: v.array(v.looseObject({ name: v.string(), sizeBytes: count, pageSize: count })),
  capture: v.looseObject({ preImagesMaxBytes: count, overflow: v.picklist(['spill', 'stall', 'abort']) }),
  guest: v.record(v.string(), v.unknown()),
});

const observation = v.looseObject({
  nowNs: finite,
  faults: count,
  lastFaultReadNs: finite,
  faultWait: v.looseObject({ p50Ns: finite, p99Ns: finite, maxNs: finite }),
  sweptPages: count,
  sweptPagesHeld: v.exactOptional(count),
  sink: v.looseObject({ longestWriteNs: finite, backlogBytes: finite, drainBytesPerSecond: finite }),
  preImages: v.looseObject({
    bytes: count,
    maxBytes: count,
    sojourn: v.exactOptional(v.looseObject({ minNs: finite, maxNs: finite, oldestNs: finite })),
  }),
  pagesLeft: count,
  bytesLeft: count,
  pageSize: count,
  guestWritePagesPerSecond: v.exactOptional(finite),
  deadlineNs: v.exactOptional(finite),
});

export const entrySchemas = {
  step: v.looseObject({
    type: v.literal('step'),
    limiter: v.string(),
    began: v.exactOptional(v.looseObject({ by: v.picklist(['initial', 'adopt']), atNs: finite, ...source })),
    observation,
    grant: v.looseObject({
      pages: count,
      notBeforeNs: finite,
      wakeOnFault: v.boolean(),
      reason: v.exactOptional(v.string()),
    }),
    isHeld: v.exactOptional(v.literal(true)),
  }),
  gap: v.looseObject({ type: v.literal('gap'), steps: count }),
  end: v.looseObject({
    type: v.literal('end'),
    outcome: v.picklist(['done', 'failed']),
    steps: count,
    missing: count,
  }),
};
