import { allocateControl, ControlBlock } from '../control-block.ts';
import { WorkloadError } from '../error.ts';
import { GUEST_PAGE_BYTES } from '../guest-memory.ts';
import { TeamWorkload } from '../team-workload.ts';
import type { Workload } from '../workload.ts';
import { Published } from './published.ts';
import { packSqliteState, SQLITE_REGION } from './sqlite-state.ts';
import type { CopyRequest, SqliteTask } from './sqlite-writer.ts';

export interface SqliteOptions {
  readonly rows: number;
  /** Transactions per second; 0 is full speed. */
  readonly rate: number;
  /** Bytes of linear memory at first; SQLite lets it grow when it needs more. */
  readonly size: number;
}

/** SQLite with its database in its own linear memory, under a stream of transactions. */
export function startSqlite(options: SqliteOptions): Promise<Workload> {
  const control = allocateControl(1);
  const block = new ControlBlock(control);
  const published = new Published();
  let promised: { address: bigint; sizeBytes: number } | undefined;
  const task: SqliteTask = {
    role: 'sqlite-writer',
    control,
    published: published.buffer,
    sizeBytes: options.size,
    rows: options.rows,
    ratePerSecond: options.rate,
  };
  return TeamWorkload.start(block, [task], {
    name: 'sqlite',
    options: { ...options },
    memory() {
      const { address, sizeBytes } = published;
      promised = { address, sizeBytes };
      return [{ name: SQLITE_REGION, address, sizeBytes, pageSize: GUEST_PAGE_BYTES }];
    },
    saveState() {
      const { address, sizeBytes, database, stackPointer, versionNumber, buildHash } = published;
      if (promised && (sizeBytes !== promised.sizeBytes || address !== promised.address)) {
        throw grew(promised.sizeBytes, sizeBytes);
      }
      const cut = block.writes(0)[0]!;
      const { rows } = options;
      return packSqliteState({ cut, rows, sizeBytes, database, stackPointer, versionNumber, buildHash });
    },
    async copyMemory(team) {
      const request: CopyRequest = { copyInto: new SharedArrayBuffer(published.sizeBytes) };
      await team.hand(request);
      return new Map([[SQLITE_REGION, new Uint8Array(request.copyInto)]]);
    },
  });
}

function grew(fromBytes: number, toBytes: number): WorkloadError {
  return new WorkloadError(
    'WORKLOAD_MEMORY_GREW',
    `SQLite's memory grew from ${fromBytes} to ${toBytes} bytes after the snapshot was opened`,
  );
}
