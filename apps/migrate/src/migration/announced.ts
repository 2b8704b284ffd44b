import { features, type HelloFrame, PageStreamDecoder } from '@stillframe/page-stream';
import { monotonicClock, opened, type Transport, within } from '@stillframe/snapshot';

/** Header and payload of a HELLO (FORMAT.md, "HELLO"). */
const HELLO_BYTES = 32 + 48;

export interface Announced {
  /** The source wants to move its guest here; otherwise it sends a picture. */
  readonly isMigration: boolean;
  /** As if nobody had read from it. */
  readonly transport: Transport;
}

/** Looks at the HELLO of a source. What is no HELLO, and what is wrong with the connection, is left to whoever reads the stream. */
export async function announcedBy(connection: Transport, limitMs: number): Promise<Announced> {
  const words = opened(connection);
  const silent = () => new Error(`it said nothing for ${limitMs} ms`);
  const bytes = await within(monotonicClock, limitMs, words.peek(HELLO_BYTES), silent).catch(() => undefined);
  const hello = bytes === undefined ? undefined : helloIn(bytes);
  const isMigration = hello !== undefined && (hello.features & features.MIGRATION) !== 0;
  return { isMigration, transport: words.transport };
}

function helloIn(bytes: Uint8Array): HelloFrame | undefined {
  const [first] = new PageStreamDecoder({ from: 'source' }).push(bytes).frames;
  return first?.type === 'hello' ? first : undefined;
}
