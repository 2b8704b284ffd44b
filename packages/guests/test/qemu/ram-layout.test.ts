import { expect, test } from 'vitest';
import { parseMapsLine } from '../../src/process/maps-line.ts';
import { isCompleteStream } from '../../src/qemu/device-stream.ts';
import { parseRamBlocks } from '../../src/qemu/ram-block.ts';
import { layoutOf, memoryBackend } from '../../src/qemu/ram-layout.ts';
import {
  decodeMachine,
  decodeManifest,
  encodeMachine,
  MANIFEST_MAX_BYTES,
  QEMU_RAM_STATE_KIND,
  QEMU_STATE_KIND,
} from '../../src/qemu/saved-machine.ts';

const OLD = `              Block Name    PSize              Offset               Used              Total
                    ram0    4 KiB  0x0000000000000000 0x0000000010000000 0x0000000010000000
    /rom@etc/acpi/tables    4 KiB  0x0000000010080000 0x0000000000020000 0x0000000000200000
`;
const NEW = `              Block Name    PSize              Offset               Used              Total                HVA  RO
                    ram0    2 MiB  0x0000000000000000 0x0000000010000000 0x0000000010000000 0x00007f0000000000  rw
`;
const MAPS = ['7f0000000000-7f0010000000 rw-s 00000000 00:1a 5  /dev/shm/ram0'];
const RAM = { name: 'ram0', pageSize: 4096, sizeBytes: 2 ** 28, address: 0x7f0000000000n };
const BACKEND = { id: 'ram0', sizeBytes: 2 ** 28, isShared: true, isLeftOut: true };
const mapped = (...lines: string[]) => lines.map((line) => parseMapsLine(line)!);

test('memory is read from both forms of the list', () => {
  expect(parseRamBlocks(OLD)).toEqual([
    { ...RAM, address: undefined },
    { name: '/rom@etc/acpi/tables', pageSize: 4096, sizeBytes: 2 ** 17, address: undefined },
  ]);
  expect(parseRamBlocks(NEW)).toEqual([{ ...RAM, pageSize: 2 ** 21 }]);
  expect(() => parseRamBlocks('nothing')).toThrow('not known');
});

test('shared RAM is told from what goes with the devices', () => {
  const rom = { name: 'pc.bios', pageSize: 4096, sizeBytes: 2 ** 18, address: undefined };
  expect(layoutOf([RAM, rom], [BACKEND], mapped(...MAPS))).toEqual({
    shared: [RAM],
    sent: [],
    withDevices: [rom],
  });
});

const PRIVATE = { ...BACKEND, isShared: false, isLeftOut: false };
const ANONYMOUS = [
  '7ffff0000000-7f0000000000 rw-p 00000000 00:00 0 ',
  '7f0000000000-7f0008000000 rw-p 00000000 00:00 0 ',
  '7f0008000000-7f0010001000 rw-p 00000000 00:00 0 ',
].map((line) => line.replace('7ffff0000000', '7effff000000'));

test('private RAM is found where it is wanted, in several mappings too', () => {
  const found = layoutOf([RAM], [PRIVATE], mapped(...ANONYMOUS), 'any');
  expect(found).toEqual({ shared: [], sent: [RAM], withDevices: [] });
});

const MEMDEV = { id: 'ram0', size: 2 ** 28, share: true };

test.for([
  ['7.2.22', 'memory-backend-memfd', true],
  ['8.0.5 (Debian 8.0)', 'memory-backend-memfd', true],
  ['8.1.0', 'memory-backend-memfd', false],
  ['10.0.13', 'memory-backend-ram', false],
  ['10.0.13', 'memory-backend-file', true],
] as const)('QEMU %s and a shared %s: left out is %s', ([version, type, isLeftOut]) => {
  const backend = memoryBackend(MEMDEV, { type, version });
  expect(backend).toEqual({ ...BACKEND, isLeftOut });
  const { shared, sent } = layoutOf([RAM], [backend], mapped(...MAPS), 'any');
  expect([shared, sent]).toEqual(isLeftOut ? [[RAM], []] : [[], [RAM]]);
});

test('private memory is never left out', () => {
  const backend = memoryBackend({ ...MEMDEV, share: false }, { type: 'memory-backend-file', version: '7.2' });
  expect(backend).toMatchObject({ isShared: false, isLeftOut: false });
});

test('shared memory that QEMU sends does not move', () => {
  const backends = [{ ...BACKEND, isLeftOut: false }];
  const refused = expect.objectContaining({ code: 'QEMU_STATE_TOO_LARGE' });
  expect(() => layoutOf([RAM], backends, mapped(...MAPS))).toThrow(refused);
});

test.for([
  ['mapped nowhere', [], 'QEMU_RAM_UNMATCHED'],
  ['mapped in part', ANONYMOUS.slice(0, 2), 'QEMU_RAM_UNMATCHED'],
  [
    'with a gap',
    [ANONYMOUS[1]!, ANONYMOUS[2]!.replace('7f0008000000', '7f0008001000')],
    'QEMU_RAM_UNMATCHED',
  ],
  ['read-only', ANONYMOUS.map((line) => line.replace('rw-p', 'r--p')), 'QEMU_RAM_UNMATCHED'],
  ['shared', ANONYMOUS.map((line) => line.replace('rw-p', 'rw-s')), 'QEMU_RAM_UNMATCHED'],
  ['a file', [MAPS[0]!.replace('rw-s', 'rw-p')], 'QEMU_RAM_PRIVATE'],
] as const)('private RAM that is %s is refused', ([, maps, code]) => {
  expect(() => layoutOf([RAM], [PRIVATE], mapped(...maps), 'any')).toThrow(expect.objectContaining({ code }));
});

test.for([
  [
    'private',
    { backends: [{ ...BACKEND, isShared: false, isLeftOut: false }], maps: MAPS },
    'QEMU_RAM_PRIVATE',
  ],
  ['not a backend', { backends: [], maps: MAPS }, 'QEMU_RAM_PRIVATE'],
  ['of another size', { backends: [{ ...BACKEND, sizeBytes: 4096 }], maps: MAPS }, 'QEMU_RAM_UNMATCHED'],
  ['mapped nowhere', { backends: [BACKEND], maps: [] }, 'QEMU_RAM_UNMATCHED'],
  [
    'mapped privately',
    { backends: [BACKEND], maps: [MAPS[0]!.replace('rw-s', 'rw-p')] },
    'QEMU_RAM_UNMATCHED',
  ],
  [
    'mapped in part',
    { backends: [BACKEND], maps: [MAPS[0]!.replace('7f0010', '7f0008')] },
    'QEMU_RAM_UNMATCHED',
  ],
  [
    'mapped twice',
    {
      backends: [BACKEND],
      maps: [...MAPS, '7f1000000000-7f1000001000 rw-s 00000000 00:1a 5  /dev/shm/ram0'],
    },
    'QEMU_RAM_UNMATCHED',
  ],
] as const)('memory that is %s is refused', ([, { backends, maps }, code]) => {
  expect(() => layoutOf([RAM], backends, mapped(...maps))).toThrow(expect.objectContaining({ code }));
});

test('a migration stream is complete with the last byte of its description, and not before', () => {
  const json = Buffer.from('{"devices":[{"name":"ram"}]}');
  const whole = Buffer.concat([Buffer.from([1, 2, 0x7b, 0x22, 0, 6, 0, 0, 0, json.byteLength]), json]);
  expect(isCompleteStream(whole)).toBe(true);
  for (let end = 0; end < whole.byteLength; end++)
    expect(isCompleteStream(whole.subarray(0, end)), `${end}`).toBe(false);
});

const MACHINE = {
  manifest: { qemuVersion: '7.2.0', commandLine: ['qemu'], wasRunning: true, ram: [], withDevices: [] },
  devices: Buffer.from('devices'),
};

test('a state is read back as it was written', () => {
  expect(decodeMachine({ kind: QEMU_STATE_KIND, bytes: encodeMachine(MACHINE) })).toEqual(MACHINE);
});

test('a state without devices is RAM, and no machine', () => {
  const { manifest } = MACHINE;
  const ram = { kind: QEMU_RAM_STATE_KIND, bytes: encodeMachine({ manifest }) };
  expect(decodeManifest(ram)).toEqual({ manifest, hasDevices: false });
  expect(() => decodeMachine(ram)).toThrow(expect.objectContaining({ code: 'QEMU_NO_DEVICES' }));
  expect(() => decodeMachine({ ...ram, kind: QEMU_STATE_KIND })).toThrow('no devices');
  expect(decodeManifest({ kind: QEMU_STATE_KIND, bytes: encodeMachine(MACHINE) })).toEqual({
    manifest,
    hasDevices: true,
  });
});

test('a state that is damaged, or of another kind, is refused', () => {
  const bytes = encodeMachine(MACHINE);
  const invalid = expect.objectContaining({ code: 'QEMU_STATE_INVALID' });
  for (let end = 0; end < bytes.byteLength - MACHINE.devices.byteLength; end++) {
    expect(() => decodeMachine({ kind: QEMU_STATE_KIND, bytes: bytes.subarray(0, end) })).toThrow(invalid);
  }
  expect(() => decodeMachine({ kind: 'workload/counter@1', bytes })).toThrow(invalid);
  expect(() => decodeMachine({ kind: 'qemu/machine@2', bytes })).toThrow(
    expect.objectContaining({ code: 'QEMU_STATE_VERSION' }),
  );
  const long = Buffer.alloc(MANIFEST_MAX_BYTES + 8);
  long.writeUInt32LE(MANIFEST_MAX_BYTES + 1);
  expect(() => decodeMachine({ kind: QEMU_STATE_KIND, bytes: long })).toThrow(invalid);
});
