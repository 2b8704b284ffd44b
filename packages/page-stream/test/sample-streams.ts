import { ControlEncoder, formatLimits, ownHello, PageStreamEncoder } from '../src/index.ts';
import { concat } from './raw-frames.ts';

export const streamId = Uint8Array.from({ length: 16 }, (_, index) => index);

export function page(byte: number, sizeBytes = 4096): Uint8Array {
  return new Uint8Array(sizeBytes).fill(byte);
}

/** FORMAT.md, "Worked example". */
export function exampleStream(): Uint8Array {
  const encoder = new PageStreamEncoder({ streamId });
  return concat([
    ...encoder.start([{ id: 0, name: 'ram', sizeBytes: 4 * 4096, pageSize: 4096 }]),
    ...encoder.state({ kind: 'none', bytes: new Uint8Array() }),
    ...encoder.encodePages(
      0,
      [{ firstPage: 0, pageCount: 4, kind: 'data' }],
      concat([page(0x41), page(0, 3 * 4096)]),
    ),
    ...encoder.end(),
  ]);
}

/** Several of everything: regions of two page sizes, state in two parts, runs out of order. About 150 KB. */
export function richStream(): Uint8Array {
  const limits = { ...formatLimits, maxPayloadBytes: 64 * 1024 };
  const encoder = new PageStreamEncoder({ streamId, limits });
  return concat([
    ...encoder.start([
      { id: 0, name: 'ram', sizeBytes: 8 * 4096, pageSize: 4096 },
      { id: 1, name: 'größer', sizeBytes: 4 * 16384, pageSize: 16384 },
    ]),
    ...encoder.state({ kind: 'sample/state@1', bytes: page(0x53, 70_003) }),
    ...encoder.encodePages(1, [{ firstPage: 3, pageCount: 1, kind: 'data' }], page(0x33, 16384)),
    ...encoder.encodePages(
      0,
      [
        { firstPage: 6, pageCount: 2, kind: 'data' },
        { firstPage: 2, pageCount: 1, kind: 'zero' },
        { firstPage: 0, pageCount: 2, kind: 'data' },
      ],
      concat([page(6), page(0), page(0x10), page(0x11)]),
    ),
    ...encoder.encodePages(1, [{ firstPage: 0, pageCount: 3, kind: 'zero' }], new Uint8Array()),
    ...encoder.encodePages(
      0,
      [{ firstPage: 3, pageCount: 3, kind: 'data' }],
      concat([page(3), page(4), page(5)]),
    ),
    ...encoder.end(),
  ]);
}

/** The example from a source, with HELLO before it. */
export function sourceStream(): Uint8Array {
  return concat([new ControlEncoder().hello(ownHello('source')), exampleStream()]);
}

/** A destination that took the image. */
export function destinationStream(): Uint8Array {
  const control = new ControlEncoder();
  const digest = Uint32Array.of(0x63bb11c7, 0xce616144);
  return concat([
    control.hello(ownHello('destination')),
    control.ack({ outcome: 'done', digestVerified: true, oracleVerified: false, digest, message: 'kept' }),
  ]);
}
