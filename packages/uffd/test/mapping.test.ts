import { readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { constants } from 'node:buffer';
import { setTimeout as later } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { closeFd, HUGE_PAGE_2MIB, Mapping, mmap, pageSize, processVmReadv } from '../src/index.ts';
import { withHugePages } from './huge-pages.ts';

const mapped = (address: bigint): boolean => {
  try {
    return processVmReadv(process.pid, new Uint8Array(1), [{ address, sizeBytes: 1 }]) === 1;
  } catch {
    return false;
  }
};

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

describe('Mapping', () => {
  test('is zero-filled memory at its address', () => {
    using mapping = new Mapping({ sizeBytes: 2 * pageSize });
    const bytes = new Uint8Array(mapping.buffer);
    expect(bytes.byteLength).toBe(2 * pageSize);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(mapping).toMatchObject({ sizeBytes: 2 * pageSize, pageSize, fd: null, closed: false });
    expect(mapping.address % BigInt(pageSize)).toBe(0n);
    bytes[pageSize] = 5;
    const into = new Uint8Array(1);
    processVmReadv(process.pid, into, [{ address: mapping.address + BigInt(pageSize), sizeBytes: 1 }]);
    expect(into[0]).toBe(5);
    expect(mapping.buffer).toBe(mapping.buffer);
  });

  test('close empties every view and unmaps at once', () => {
    const mapping = new Mapping({ sizeBytes: pageSize });
    const { buffer, address } = mapping;
    const view = new Uint8Array(buffer, 8, 8);
    mapping.close();
    expect([buffer.byteLength, view.byteLength, view[0]]).toEqual([0, 0, undefined]);
    expect(mapped(address)).toBe(false);
    expect(mapping.closed).toBe(true);
    expect(() => mapping.buffer).toThrow(expect.objectContaining({ name: 'TypeError', code: 'UFFD_CLOSED' }));
    expect(() => mapping.fd).toThrow(expect.objectContaining({ code: 'UFFD_CLOSED' }));
  });

  test('closing twice does nothing, even when something else is there by then', async () => {
    const mapping = new Mapping({ sizeBytes: pageSize });
    const { address } = mapping;
    mapping.close();
    const again = mmap({ sizeBytes: pageSize, address, flags: ['PRIVATE', 'ANONYMOUS', 'FIXED_NOREPLACE'] });
    mapping.close();
    // The buffer's own release runs later, on the event loop; it must not unmap a second time either.
    await later(0);
    await later(0);
    expect(mapped(again)).toBe(true);
  });

  // Of the ways that this Node release has: 20 has none.
  const waysToMove = ['transfer'].filter((name) => name in ArrayBuffer.prototype);
  test.for(waysToMove)('a buffer moved by %s keeps the memory', (name) => {
    const mapping = new Mapping({ sizeBytes: pageSize });
    const { buffer, address } = mapping;
    new Uint8Array(buffer)[0] = 3;
    // Node 20's types do not know it.
    const moved: ArrayBuffer = Reflect.apply(Reflect.get(buffer, name), buffer, []);
    mapping.close();
    expect(mapped(address)).toBe(true);
    expect(new Uint8Array(moved)[0]).toBe(3);
  });

  // Where an ArrayBuffer has a limit that a size can exceed: not on later Node releases.
  const limits = [constants.MAX_LENGTH].filter((bytes) => bytes + pageSize <= Number.MAX_SAFE_INTEGER);
  test.for(limits)('no more than an ArrayBuffer can hold, %i bytes', (limit) => {
    const sizeBytes = Math.floor(limit / pageSize + 1) * pageSize;
    expect(() => new Mapping({ sizeBytes })).toThrow(/ArrayBuffer can hold/);
    using most = new Mapping({ sizeBytes: sizeBytes - pageSize });
    expect(most.buffer.byteLength).toBe(sizeBytes - pageSize);
  });

  test('a posted buffer is copied, never shared or taken', () => {
    using mapping = new Mapping({ sizeBytes: pageSize });
    new Uint8Array(mapping.buffer)[0] = 3;
    const copy = structuredClone(mapping.buffer);
    expect(new Uint8Array(copy)[0]).toBe(3);
    expect(mapping.buffer.byteLength).toBe(pageSize);
    // Node 20 copies instead of transferring what is not transferable, later releases throw; the memory stays in either case.
    try {
      structuredClone(mapping.buffer, { transfer: [mapping.buffer] });
    } catch {}
    expect(mapping.buffer.byteLength).toBe(pageSize);
  });

  test('a memfd can be mapped a second time', () => {
    using mapping = new Mapping({ sizeBytes: pageSize, backing: 'memfd', name: 'twice' });
    const fd = mapping.fd ?? -1;
    expect(statSync(`/proc/self/fd/${fd}`).size).toBe(pageSize);
    expect(readFileSync('/proc/self/maps', 'utf8')).toContain('/memfd:twice');
    new Uint8Array(mapping.buffer)[1] = 8;
    const byte = new Uint8Array(1);
    readSync(fd, byte, 0, 1, 1);
    expect(byte[0]).toBe(8);
    mapping.close();
    expect(() => closeFd(fd)).toThrow(expect.objectContaining({ code: 'UFFD_EBADF' }));
  });

  test('huge pages, private or in a file', async (context) => {
    await withHugePages(context, 1, () => {
      for (const backing of ['anonymous', 'memfd'] as const) {
        using mapping = new Mapping({ sizeBytes: HUGE_PAGE_2MIB, backing, hugePageSize: HUGE_PAGE_2MIB });
        expect(mapping.pageSize).toBe(HUGE_PAGE_2MIB);
        expect(mapping.address % BigInt(HUGE_PAGE_2MIB)).toBe(0n);
        new Uint8Array(mapping.buffer)[HUGE_PAGE_2MIB - 1] = 1;
      }
    });
  });

  test('without huge pages in reserve it says how to get them', async (context) => {
    await withHugePages(context, 0, () => {
      const pools = '/sys/kernel/mm/hugepages/hugepages-2048kB';
      const sizeBytes = (Number(readFileSync(`${pools}/free_hugepages`, 'utf8')) + 1) * HUGE_PAGE_2MIB;
      for (const backing of ['anonymous', 'memfd'] as const) {
        expect(() => new Mapping({ sizeBytes, backing, hugePageSize: HUGE_PAGE_2MIB })).toThrow(
          expect.objectContaining({ code: 'UFFD_ENOMEM', hint: expect.stringContaining('nr_hugepages') }),
        );
      }
    });
  });

  test('sizes', () => {
    for (const sizeBytes of [0, -pageSize, pageSize - 1, pageSize + 1, 1.5, Number.NaN]) {
      expect(() => new Mapping({ sizeBytes })).toThrow(RangeError);
    }
    // @ts-expect-error no such backing
    expect(() => new Mapping({ sizeBytes: pageSize, backing: 'disk' })).toThrow(TypeError);
  });

  test('no descriptor is lost when the memory cannot be had', () => {
    const before = openDescriptors();
    expect(() => new Mapping({ sizeBytes: 2 ** 32, backing: 'memfd', hugePageSize: HUGE_PAGE_2MIB })).toThrow(
      expect.objectContaining({ name: 'UffdError' }),
    );
    expect(openDescriptors()).toBe(before);
  });
});
