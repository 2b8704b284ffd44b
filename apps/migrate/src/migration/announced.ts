/* oxlint-disable no-await-in-loop -- bytes come one after the other */
import { features, type HelloFrame, PageStreamDecoder } from '@stillframe/page-stream';
import { monotonicClock, type Transport, within } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';

/** Header and payload of a HELLO (FORMAT.md, "HELLO"). */
const HELLO_BYTES = 32 + 48;

export interface Announced {
  /** The source wants to move its guest here; otherwise it sends a picture. */
  readonly isMigration: boolean;
  /** As if nobody had read from it. */
  readonly transport: Transport;
}

/** Looks at the HELLO of a source. What is no HELLO is left to whoever reads the stream. Rejects with PEER_UNREACHABLE. */
export async function announcedBy(transport: Transport, limitMs: number): Promise<Announced> {
  const seen = new Uint8Array(HELLO_BYTES);
  const read = async () => {
    let at = 0;
    while (at < HELLO_BYTES) {
      const count = await transport.read(seen.subarray(at));
      if (count === 0) break;
      at += count;
    }
    return at;
  };
  let count: number;
  try {
    count = await within(
      monotonicClock,
      limitMs,
      read(),
      () => new Error(`it said nothing for ${limitMs} ms`),
    );
  } catch (cause) {
    await transport.destroy();
    throw new CliError('PEER_UNREACHABLE', 'the source was lost before it said what it wants', { cause });
  }
  const bytes = seen.subarray(0, count);
  const hello = helloIn(bytes);
  return {
    isMigration: hello !== undefined && (hello.features & features.MIGRATION) !== 0,
    transport: rewound(transport, bytes),
  };
}

function helloIn(bytes: Uint8Array): HelloFrame | undefined {
  const [first] = new PageStreamDecoder({ from: 'source' }).push(bytes).frames;
  return first?.type === 'hello' ? first : undefined;
}

/** Gives `bytes` again before it reads on. */
function rewound(transport: Transport, bytes: Uint8Array): Transport {
  let rest = bytes;
  return {
    async read(into) {
      if (rest.length === 0) return await transport.read(into);
      const part = rest.subarray(0, into.length);
      into.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    write: (iovecs) => transport.write(iovecs),
    end: () => transport.end(),
    destroy: () => transport.destroy(),
  };
}
