import type { DirtyRun } from '@stillframe/migration';
import type { RegionEntry } from '@stillframe/page-stream';
import type { GuestState } from '@stillframe/snapshot';
import * as v from 'valibot';

/** What one side knows of a guest whose memory is in two places. */
export interface HalfNote {
  readonly side: 'source' | 'destination';
  /** Of the migration: 32 hexadecimal digits, the same on both sides. */
  readonly migration: string;
  /** Pages that are only at the other side: zeros in this image. Ascending. */
  readonly missing: readonly DirtyRun[];
  /** Of the guest at rest on this side. */
  readonly state: GuestState;
}

/** So that nobody takes half of a memory for all of it: no oracle, program or machine knows this kind. */
const HALF_KIND = 'stillframe/half@1';

const schema = v.strictObject({
  side: v.picklist(['source', 'destination']),
  migration: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
  kind: v.string(),
  // Region, first page and page count of each run: one list, because there may be hundreds of thousands.
  missing: v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

/** Length of the note that follows, little-endian. The state of the guest comes last. */
const LENGTH_BYTES = 4;

/** The state of an image that is a half. */
export function packHalf({ side, migration, missing, state }: HalfNote): GuestState {
  const flat = missing.flatMap(({ region, firstPage, pageCount }) => [region, firstPage, pageCount]);
  const note = Buffer.from(JSON.stringify({ side, migration, kind: state.kind, missing: flat }));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(note.byteLength);
  return { kind: HALF_KIND, bytes: new Uint8Array(Buffer.concat([length, note, state.bytes])) };
}

/** Undefined for an image that is none. `regions` are those of the image; the result's state is a view into `state`. */
export function readHalf({ kind, bytes }: GuestState, regions: readonly RegionEntry[]): HalfNote | undefined {
  if (kind !== HALF_KIND || bytes.byteLength < LENGTH_BYTES) return undefined;
  const packed = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = LENGTH_BYTES + packed.readUInt32LE(0);
  const note = v.safeParse(schema, end > packed.byteLength ? undefined : jsonOf(packed, end));
  if (!note.success) return undefined;
  const missing = runsOf(note.output.missing, regions);
  if (missing === undefined) return undefined;
  const { side, migration } = note.output;
  return { side, migration, missing, state: { kind: note.output.kind, bytes: bytes.subarray(end) } };
}

function jsonOf(packed: Buffer, end: number): unknown {
  try {
    return JSON.parse(packed.toString('utf8', LENGTH_BYTES, end));
  } catch {
    return undefined;
  }
}

/** Undefined unless they ascend within the regions. */
function runsOf(flat: readonly number[], regions: readonly RegionEntry[]): DirtyRun[] | undefined {
  if (flat.length % 3 !== 0) return undefined;
  const runs: DirtyRun[] = [];
  let last: DirtyRun = { region: 0, firstPage: 0, pageCount: 0 };
  for (let at = 0; at < flat.length; at += 3) {
    const run = { region: flat[at]!, firstPage: flat[at + 1]!, pageCount: flat[at + 2]! };
    const region = regions[run.region];
    const free = run.region === last.region ? last.firstPage + last.pageCount : 0;
    if (region === undefined || run.region < last.region || run.pageCount === 0) return undefined;
    if (run.firstPage < free || run.firstPage + run.pageCount > region.sizeBytes / region.pageSize) {
      return undefined;
    }
    runs.push(run);
    last = run;
  }
  return runs;
}
