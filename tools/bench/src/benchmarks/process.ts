import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, Context } from '../benchmark.ts';
import { takeCore } from '../process/ours.ts';
import { backgroundSave, gcore } from '../process/peers.ts';
import { type ProcessResults, processRows } from '../process/rows.ts';
import { type Felt, underLoad, withoutLoad } from '../redis/load.ts';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { alternate } from '../rounds.ts';

const NAME = 'process';
/** How long nothing is done, to compare with. */
const UNDISTURBED_MS = 2000;

/** A picture of redis-server under load: `migrate core`, beside gcore and BGSAVE of the same data. */
export const process: Benchmark = {
  name: NAME,
  summary: 'a core of redis-server under load, beside gcore and BGSAVE: pause, stalls, memory, time',
  async run(context) {
    await using server = await startRedis(context.folder, context.processBytes, context.peers);
    await makeMemoryAvailable(context);
    return processRows(NAME, context.processBytes, await measure(context, server));
  },
};

async function measure(context: Context, server: RedisServer): Promise<ProcessResults> {
  const { longRounds, peers, progress, withFile, migrateProgram } = context;
  const felt = <T>(work: () => Promise<T>) => underLoad(server, peers, work);
  const calm = <T>(work: () => Promise<T>) => withoutLoad(server, peers, work);
  const contenders = {
    ours: () => withFile((path) => felt(() => takeCore(migrateProgram, server.pid, path))),
    gcore: () => withFile((path) => felt(() => gcore(server.pid, path))),
    oursCalm: () => withFile((path) => calm(() => takeCore(migrateProgram, server.pid, path))),
    gcoreCalm: () => withFile((path) => calm(() => gcore(server.pid, path))),
    save: () => felt(() => backgroundSave(server)),
    nothing: () => felt(() => sleep(UNDISTURBED_MS)),
  };
  const results = await alternate<keyof ProcessResults, Felt<unknown>>(longRounds, contenders, progress);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each contender brings its own
  return results as unknown as ProcessResults;
}

/** As in the file benchmarks: memory that was free for long costs more to fill, whoever fills it. */
async function makeMemoryAvailable({ peers, processBytes, withFile }: Context): Promise<void> {
  await withFile((path) => peers.writeFile(processBytes * 2, path, 'fresh'));
}
