import { concat, pack } from './raw-frames.ts';
import { streamId } from './sample-streams.ts';

/** Payloads field by field, right or wrong, without the encoder. What is not given is right. */

export const TYPE = {
  header: 0x0001,
  regions: 0x0002,
  state: 0x0003,
  pages: 0x0004,
  end: 0x0005,
  index: 0x0007,
  chunks: 0x0009,
  parent: 0x000a,
  hello: 0x8001,
  ack: 0x8002,
  abort: 0x8003,
} as const;

/** Zeros up to a multiple of 8. */
function pad(length: number): Uint8Array {
  return new Uint8Array((8 - (length % 8)) % 8);
}

function utf8(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? new TextEncoder().encode(text) : text;
}

export function header(
  over: { version?: number; reserved?: number; unit?: number; required?: number; optional?: number } = {},
) {
  return pack(
    [2, over.version ?? 1],
    [2, over.reserved ?? 0],
    [4, over.unit ?? 4096],
    [4, over.required ?? 0],
    [4, over.optional ?? 0],
    streamId,
  );
}

export interface RawRegion {
  readonly id?: number;
  readonly pageSize?: number;
  readonly sizeBytes?: number | bigint;
  readonly name?: string | Uint8Array;
  readonly nameLength?: number;
  readonly reserved?: number;
  readonly padding?: Uint8Array;
}

export function regions(entries: readonly RawRegion[], over: { count?: number; reserved?: number } = {}) {
  const parts = entries.map((entry, position) => {
    const name = utf8(entry.name ?? 'ram');
    return pack(
      [4, entry.id ?? position],
      [4, entry.pageSize ?? 4096],
      [8, entry.sizeBytes ?? 4 * 4096],
      [2, entry.nameLength ?? name.length],
      [2, entry.reserved ?? 0],
      [4, 0],
      name,
      entry.padding ?? pad(name.length),
    );
  });
  return concat([pack([4, over.count ?? entries.length], [4, over.reserved ?? 0]), ...parts]);
}

export interface RawState {
  readonly total?: number | bigint;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly kind?: string | Uint8Array;
  readonly kindLength?: number;
  readonly reserved?: number;
  readonly kindPadding?: Uint8Array;
  readonly bytes?: Uint8Array;
  readonly padding?: Uint8Array;
}

export function state(over: RawState = {}) {
  const kind = utf8(over.kind ?? 'none');
  const bytes = over.bytes ?? new Uint8Array();
  return pack(
    [8, over.total ?? bytes.length],
    [8, over.offset ?? 0],
    [4, over.length ?? bytes.length],
    [2, over.kindLength ?? kind.length],
    [2, over.reserved ?? 0],
    kind,
    over.kindPadding ?? pad(kind.length),
    bytes,
    over.padding ?? pad(bytes.length),
  );
}

/** First page, page count, kind. */
export type RawRun = readonly [first: number | bigint, count: number, kind: number];

export const DATA = 0;
export const ZERO = 1;

export function pages(
  runs: readonly RawRun[],
  bytes: Uint8Array = new Uint8Array(),
  over: { region?: number; runCount?: number } = {},
) {
  const table = runs.map(([first, count, kind]) => pack([8, first], [4, count], [4, kind]));
  return concat([pack([4, over.region ?? 0], [4, over.runCount ?? runs.length]), ...table, bytes]);
}

export interface RawEnd {
  readonly pages?: number | bigint;
  readonly zeroPages?: number;
  readonly dataBytes?: number;
  readonly frames?: number;
  readonly digest?: bigint;
}

/** By default the END of an image of four zero pages in one PAGES frame. */
export function end(over: RawEnd = {}) {
  return pack(
    [8, over.pages ?? 4],
    [8, over.zeroPages ?? 4],
    [8, over.dataBytes ?? 0],
    [8, over.frames ?? 4],
    [8, over.digest ?? 0n],
  );
}

export interface RawHello {
  readonly versionMin?: number;
  readonly versionMax?: number;
  readonly role?: number;
  readonly maxPayloadBytes?: number;
  readonly maxPages?: number | bigint;
  readonly reserved?: number;
}

export function hello(over: RawHello = {}) {
  return pack(
    [2, over.versionMin ?? 1],
    [2, over.versionMax ?? 1],
    [4, over.role ?? 1],
    [4, over.maxPayloadBytes ?? 65_536],
    [4, 1024],
    [8, over.maxPages ?? 1_000_000],
    [8, 2 ** 40],
    [8, 2 ** 20],
    [4, 0],
    [4, over.reserved ?? 0],
  );
}

export interface RawAck {
  readonly outcome?: number;
  readonly verified?: number;
  readonly message?: string | Uint8Array;
  readonly messageLength?: number;
  readonly reserved?: number;
  readonly padding?: Uint8Array;
}

export function ack(over: RawAck = {}) {
  const message = utf8(over.message ?? 'kept');
  return pack(
    [4, over.outcome ?? 0],
    [4, over.verified ?? 1],
    [8, 0x0123456789abcdefn],
    [2, over.messageLength ?? message.length],
    [2, over.reserved ?? 0],
    [4, 0],
    message,
    over.padding ?? pad(message.length),
  );
}

export interface RawAbort {
  readonly code?: string | Uint8Array;
  readonly codeLength?: number;
  readonly message?: string | Uint8Array;
  readonly messageLength?: number;
  readonly reserved?: number;
  readonly padding?: Uint8Array;
}

export function abort(over: RawAbort = {}) {
  const code = utf8(over.code ?? 'SINK_FULL');
  const message = utf8(over.message ?? 'no space left');
  return pack(
    [2, over.codeLength ?? code.length],
    [2, over.messageLength ?? message.length],
    [4, over.reserved ?? 0],
    code,
    message,
    over.padding ?? pad(code.length + message.length),
  );
}
