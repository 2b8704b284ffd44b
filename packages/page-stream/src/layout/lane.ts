import type { Payload } from '../payload.ts';

const BYTES = 24;

/**
 * `pages`: a share of the pages. `requests`: pages that are asked for. `resume`: the migration goes on after its link broke. `faults`: pages
 * that threads wait for, asked for and answered without frames.
 */
export const lanePurposes = ['pages', 'requests', 'resume', 'faults'] as const;

export type LanePurpose = (typeof lanePurposes)[number];

/** What a further connection of a migration is for. */
export interface Lane {
  readonly purpose: LanePurpose;
  /** 1, 2, … among those of the same purpose. */
  readonly number: number;
  /** Of the STREAM_HEADER of the migration. A copy. */
  readonly streamId: Uint8Array;
}

export function writeLane({ purpose, number, streamId }: Lane): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, lanePurposes.indexOf(purpose) + 1, true);
  view.setUint32(4, number, true);
  bytes.set(streamId, 8);
  return bytes;
}

export function readLane(payload: Payload): Lane {
  payload.expectLength(BYTES);
  const purpose = lanePurposes[payload.u32(0) - 1];
  if (purpose === undefined) return payload.fail('STREAM_BAD_VALUE', 0, `purpose ${payload.u32(0)}`);
  const number = payload.u32(4);
  if (number === 0) payload.fail('STREAM_BAD_VALUE', 4, 'lane 0');
  return { purpose, number, streamId: payload.bytes.slice(8, BYTES) };
}
