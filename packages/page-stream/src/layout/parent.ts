import { MAX_CHAIN_LENGTH } from '../limits.ts';
import type { ParentImage } from '../page-reader.ts';
import type { Payload } from '../payload.ts';
import { STREAM_ID_BYTES } from './stream-header.ts';

const BYTES = 32;

/** What a PARENT frame says. */
export interface ParentIdentity {
  /** [low, high] 32 bits. */
  readonly digest: Uint32Array;
  readonly streamId: Uint8Array;
  /** Images below the increment: 1 when the parent is complete in itself. */
  readonly chainLength: number;
}

export function writeParent({ digest, streamId, chainLength }: ParentIdentity): Uint8Array {
  const bytes = new Uint8Array(BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, digest[0] ?? 0, true);
  view.setUint32(4, digest[1] ?? 0, true);
  bytes.set(streamId, 8);
  view.setUint32(24, chainLength, true);
  return bytes;
}

export function readParent(payload: Payload): ParentIdentity {
  payload.expectLength(BYTES);
  const chainLength = payload.u32(24);
  if (chainLength === 0) payload.fail('STREAM_BAD_VALUE', 24, 'chain length 0');
  payload.expectWithin(chainLength, MAX_CHAIN_LENGTH, 'MAX_CHAIN_LENGTH', 24);
  payload.reserved(28, 32);
  return {
    digest: payload.bits64(0),
    streamId: payload.bytes.slice(8, 8 + STREAM_ID_BYTES),
    chainLength,
  };
}

function differs(one: Uint32Array | Uint8Array, other: Uint32Array | Uint8Array): boolean {
  return one.some((value, index) => value !== other[index]);
}

/** Compares what an increment names with the parent that is there. */
export function checkParent(payload: Payload, named: ParentIdentity, parent: ParentImage): void {
  if (differs(named.digest, parent.digest)) {
    payload.fail('STREAM_PARENT', 0, 'the digest of the parent is another one');
  }
  if (differs(named.streamId, parent.streamId)) {
    payload.fail('STREAM_PARENT', 8, 'the stream id of the parent is another one');
  }
  if (named.chainLength !== parent.chainLength + 1) {
    const message = `chain length ${named.chainLength}, but ${parent.chainLength} images are below the parent`;
    payload.fail('STREAM_PARENT', 24, message);
  }
}
