import { HandoffError } from './error.ts';

/** One mapping of a virtual machine monitor, as it says it. */
export interface HandoffMapping {
  /** In its address space. */
  readonly address: bigint;
  readonly sizeBytes: number;
  /** Where it begins in the memory of the image, whose regions lie one after the other. */
  readonly offset: number;
  readonly pageSize: number;
}

/** A monitor has a mapping for each slot of memory. */
export const MAPPINGS_MAX = 1024;
/** Of the message; 1024 mappings take about 128 KiB. */
export const MESSAGE_MAX_BYTES = 2 ** 20;

const PAGE_MIN = 4096;
const PAGE_MAX = 2 ** 30;

const HINT = 'Expected a JSON list of {"base_host_virt_addr", "size", "offset", "page_size"}, all in bytes';

/**
 * The list of mappings. Undefined while the text is not complete. `page_size_kib`, the older name, holds bytes in spite of it; numbers
 * too small for that are taken for what the name says. @throws HandoffError HANDOFF_MESSAGE
 */
export function parseMappings(text: string): HandoffMapping[] | undefined {
  let list: unknown;
  try {
    // Addresses may be beyond 2^53: they are taken as they are written.
    list = JSON.parse(text.replaceAll(/("base_host_virt_addr"\s*:\s*)(\d+)/g, '$1"$2"'));
  } catch (cause) {
    if (text.length < MESSAGE_MAX_BYTES && !text.trimEnd().endsWith(']')) return undefined;
    throw new HandoffError('HANDOFF_MESSAGE', 'the message is not JSON', HINT, cause);
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > MAPPINGS_MAX) {
    throw new HandoffError(
      'HANDOFF_MESSAGE',
      `the message is no list of 1 to ${MAPPINGS_MAX} mappings`,
      HINT,
    );
  }
  return list.map((entry: unknown, index) => parseMapping(entry, index));
}

function parseMapping(entry: unknown, index: number): HandoffMapping {
  const fail = (what: string): never => {
    throw new HandoffError('HANDOFF_MESSAGE', `mapping ${index}: ${what}`, HINT);
  };
  if (typeof entry !== 'object' || entry === null) return fail('not an object');
  const fields = new Map<string, unknown>(Object.entries(entry));
  const number = (name: string): number => {
    const value = fields.get(name);
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : fail(`${name} is ${JSON.stringify(value)}`);
  };
  const written = fields.get('base_host_virt_addr');
  if (typeof written !== 'string' || !/^\d{1,20}$/.test(written))
    return fail('base_host_virt_addr is no number');
  const address = BigInt(written);
  const named = number(fields.has('page_size') ? 'page_size' : 'page_size_kib');
  const pageSize = !fields.has('page_size') && named < PAGE_MIN ? named * 1024 : named;
  if (pageSize < PAGE_MIN || pageSize > PAGE_MAX || !Number.isInteger(Math.log2(pageSize))) {
    fail(`pages of ${pageSize} bytes`);
  }
  const sizeBytes = number('size');
  const offset = number('offset');
  if (sizeBytes === 0 || sizeBytes % pageSize !== 0) fail(`${sizeBytes} bytes are not whole pages`);
  if (offset % pageSize !== 0) fail(`the offset ${offset} is not at a page`);
  if (address % BigInt(pageSize) !== 0n || address + BigInt(sizeBytes) > 2n ** 64n)
    fail('the address is none');
  return { address, sizeBytes, offset, pageSize };
}
