import { beforeEach, describe, expect, it } from 'vitest';
import { KvCommands } from '../../src/kv-service/kv-commands.ts';
import { kvShape, MIN_KV_BYTES } from '../../src/workloads/kv/kv-state.ts';
import { KvStore } from '../../src/workloads/kv/kv-store.ts';

let memory: Uint8Array;
let commands: KvCommands;

beforeEach(() => {
  memory = new Uint8Array(MIN_KV_BYTES);
  commands = new KvCommands(KvStore.format(memory, kvShape(MIN_KV_BYTES).bucketCount));
});

function run(line: string): string {
  return commands.run(line.split(' ').map((word) => Buffer.from(word))).toString('latin1');
}

/** More than the smallest store has room for. */
const KEYS_MAX = 1e5;

describe('commands', () => {
  it('set, get, add and delete', () => {
    expect(run('SET a hello')).toBe('+OK\r\n');
    expect(run('get a')).toBe('$5\r\nhello\r\n');
    expect(run('INCRBY n 5')).toBe(':5\r\n');
    expect(run('INCR n')).toBe(':6\r\n');
    expect(run('INCRBY n -10')).toBe(':-4\r\n');
    expect(run('DEL a')).toBe(':1\r\n');
    expect(run('DEL a')).toBe(':0\r\n');
    expect(run('GET a')).toBe('$-1\r\n');
    expect(run('DBSIZE')).toBe(':1\r\n');
  });

  it.each([
    ['NOPE', "-ERR unknown command 'NOPE'\r\n"],
    ['GET', "-ERR wrong number of arguments for 'get'\r\n"],
    ['INCRBY a 1.5', '-ERR value is not an integer or out of range\r\n'],
    ['GET \0session:x', '-ERR keys that begin with a zero byte are the server’s own\r\n'],
    ['DO s', '-ERR DO takes a session, a number and a command\r\n'],
    ['DO s x GET a', '-ERR value is not an integer or out of range\r\n'],
    [`DO ${'s'.repeat(65)} 1 GET a`, '-ERR a session name has 1 to 64 bytes\r\n'],
    [`SET ${'k'.repeat(257)} a`, '-ERR a key has 1 to 256 bytes\r\n'],
  ])('%s is refused and changes nothing', (line, answer) => {
    const before = Buffer.from(memory);
    expect(run(line)).toBe(Buffer.from(answer).toString('latin1'));
    expect(before.equals(memory)).toBe(true);
  });

  it('answer when the store is full, and go on', () => {
    let answer = '';
    for (let n = 0; !answer.startsWith('-OOM ') && n < KEYS_MAX; n++) {
      answer = run(`SET k${n} v`);
    }
    expect(answer).toMatch(/^-OOM /);
    expect(run('GET k0')).toBe('$1\r\nv\r\n');
  });
});

describe('numbered requests', () => {
  it('are done once, and answered each time as the first time', () => {
    expect(run('DO s 1 INCRBY n 5')).toBe(':5\r\n');
    expect(run('DO s 1 INCRBY n 5')).toBe(':5\r\n');
    expect(run('DO s 2 INCRBY n 5')).toBe(':10\r\n');
    expect(run('GET n')).toBe('$2\r\n10\r\n');
  });

  it('that are older than the last are refused', () => {
    run('DO s 7 INCR n');
    expect(run('DO s 6 INCR n')).toBe('-STALE number 7 of this session was done already\r\n');
    expect(run('GET n')).toBe('$1\r\n1\r\n');
  });

  it('of two sessions have nothing to do with each other', () => {
    expect(run('DO a 1 INCR n')).toBe(':1\r\n');
    expect(run('DO b 1 INCR n')).toBe(':2\r\n');
  });

  it('are known wherever the memory goes', () => {
    run('DO s 1 INCR n');
    commands = new KvCommands(KvStore.attach(memory.slice()));
    expect(run('DO s 1 INCR n')).toBe(':1\r\n');
    expect(run('DO s 2 INCR n')).toBe(':2\r\n');
  });

  it('that are refused have not been done, and may be sent again', () => {
    run('SET n text');
    expect(run('DO s 1 INCR n')).toMatch(/^-ERR/);
    run('SET n 1');
    expect(run('DO s 1 INCR n')).toBe(':2\r\n');
  });
});
