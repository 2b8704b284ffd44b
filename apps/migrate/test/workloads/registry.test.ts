import { describe, expect, test } from 'vitest';
import { describeWorkloads, oracleFor, parseWorkload } from '../../src/workloads/index.ts';

describe('parseWorkload', () => {
  test.for([
    ['counter', { size: 256 * 2 ** 20, writers: 2, rate: 20_000, fill: 100 }],
    ['kv', { size: 256 * 2 ** 20, rate: 5000, fill: 100 }],
    ['sqlite', { rows: 100_000, rate: 2000, size: 128 * 2 ** 20 }],
  ] as const)('%s has defaults', ([name, options]) => {
    expect(parseWorkload(name)).toEqual({ name, options });
  });

  test('reads units, spaces and plain numbers', () => {
    expect(parseWorkload(' counter , size = 1GiB,writers=4 , rate=0')).toEqual({
      name: 'counter',
      options: { size: 2 ** 30, writers: 4, rate: 0, fill: 100 },
    });
    expect(parseWorkload('counter,size=65536').options['size']).toBe(65_536);
  });

  test.for([
    ['', 'no workload is called ""'],
    ['sqlight', 'no workload is called "sqlight"; the nearest is sqlite'],
    ['counter,szie=1MiB', 'counter has no option "szie"; the nearest is size'],
    ['counter,toString=1', 'counter has no option "toString"'],
    ['counter,size', 'counter: "size" is not key=value'],
    ['counter,', 'counter: "" is not key=value'],
    ['counter,size=1MiB,size=2MiB', 'counter: size is given twice'],
    ['counter,size=1Mib', 'counter: size: '],
    ['counter,size=0', 'counter: size: '],
    ['counter,size=65537', 'counter: size: not a multiple of 64KiB'],
    ['counter,size=5GiB', 'counter: size: '],
    ['counter,writers=0', 'counter: writers: '],
    ['counter,writers=17', 'counter: writers: '],
    ['counter,writers=1.5', 'counter: writers: '],
    ['counter,fill=101', 'counter: fill: '],
    ['counter,rate=-1', 'counter: rate: '],
    ['counter,rate=', 'counter: rate: '],
    ['kv,size=512KiB', 'kv: size: '],
    ['kv,writers=2', 'kv has no option "writers"'],
    ['sqlite,rows=1', 'sqlite: rows: '],
    ['sqlite,rows=10000001', 'sqlite: rows: '],
    ['sqlite,size=4MiB', 'sqlite: size: '],
  ] as const)('refuses %j', ([text, message]) => {
    expect(() => parseWorkload(text)).toThrow(
      expect.objectContaining({ code: 'WORKLOAD_SPEC', message: expect.stringContaining(message) }),
    );
  });

  test.for([
    'counter,size=4GiB,writers=16,fill=0',
    'kv,size=1MiB',
    'kv,size=4GiB',
    'sqlite,rows=2,size=8MiB',
  ])('takes the ends of the ranges: %s', (text) => {
    expect(parseWorkload(text).name).toBe(text.split(',')[0]);
  });
});

describe('the registry', () => {
  test('knows the oracle of every kind, and no other', () => {
    for (const name of ['counter', 'kv', 'sqlite']) {
      expect(oracleFor(`workload/${name}@1`)?.kind).toBe(`workload/${name}@1`);
    }
    expect(oracleFor('workload/counter@2')).toBeUndefined();
  });

  test('describes every option with its default', () => {
    const described = describeWorkloads();
    expect(described.map(({ name }) => name)).toEqual(['counter', 'kv', 'sqlite']);
    for (const { name, options } of described) {
      for (const { key, default: value, description } of options) {
        expect(description, `${name} ${key}`).not.toBe('');
        // What help shows must be what the parser takes.
        expect(parseWorkload(`${name},${key}=${value}`)).toEqual(parseWorkload(name));
      }
    }
  });
});
