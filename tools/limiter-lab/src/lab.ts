import { createReadStream } from 'node:fs';
import path from 'node:path';
import type { Arguments } from './arguments.ts';
import { takePicture } from './browser.ts';
import { clientScript } from './client-script.ts';
import { type Cell, simulateMatrix } from './matrix.ts';
import { jsonLines, textTables, writeReport } from './output.ts';
import { contestants } from './policies.ts';
import { chosenRealRuns, judgeReal, realText } from './real/chosen-runs.ts';
import { replayTrace } from './replay/replay-trace.ts';
import { replayLines, replayText } from './replay/say.ts';
import { buildModel } from './report/build-model.ts';
import type { RealModel, ReplayModel, ReportModel } from './report/model.ts';
import { reportPage } from './report/page.ts';

export interface LabIo {
  /** A line of results. */
  readonly result: (line: string) => void;
  readonly progress: (text: string) => void;
}

const MIB = 2 ** 20;
/** Of the picture: all of the report at the width it is made for. */
const PICTURE_MATRIX = { width: 1320, height: 4350 };
const PICTURE_REPLAY = { width: 1320, height: 1300 };

/** Does what the command line says, and reports. */
export async function lab(chosen: Arguments, io: LabIo): Promise<void> {
  const cells = chosen.replay === undefined ? simulateMatrix({ ...chosen, progress: progressOf(io) }) : [];
  const real = chosen.isReal ? await chosenRealRuns(chosen, io.progress) : [];
  const replay =
    chosen.replay === undefined
      ? undefined
      : await replayTrace(createReadStream(chosen.replay), path.basename(chosen.replay));
  const model = modelOf(chosen, cells, real, replay);
  tell(chosen, cells, real, replay, io);
  await writeReport(chosen.out, reportPage(model, await clientScript()));
  io.progress(`report: ${chosen.out}`);
  if (chosen.png !== undefined) {
    await takePicture(chosen.out, chosen.png, cells.length === 0 ? PICTURE_REPLAY : PICTURE_MATRIX);
    io.progress(`picture: ${chosen.png}`);
  }
  if (chosen.isJson) {
    const summary = {
      type: 'summary',
      outcome: 'done',
      cells: cells.length,
      real: real.length,
      report: chosen.out,
    };
    io.result(JSON.stringify({ ...summary, ...(chosen.png === undefined ? {} : { picture: chosen.png }) }));
  }
}

/** A line for every tenth of the matrix. */
function progressOf({ progress }: LabIo): (done: number, all: number, what: string) => void {
  let told = 0;
  return (done, all, what) => {
    const tenth = Math.floor((done * 10) / all);
    if (tenth === told) return;
    told = tenth;
    progress(`${tenth * 10} %  ${what}`);
  };
}

function tell(
  { isJson }: Arguments,
  cells: readonly Cell[],
  real: readonly RealModel[],
  replay: ReplayModel | undefined,
  { result }: LabIo,
): void {
  if (isJson) {
    for (const line of jsonLines(cells)) result(line);
    for (const each of real) result(JSON.stringify({ type: 'real', ...each }));
    for (const each of judgeReal(real)) result(JSON.stringify({ type: 'real-goal', ...each }));
    for (const line of replay === undefined ? [] : replayLines(replay)) result(line);
    return;
  }
  if (cells.length > 0) result(textTables(cells));
  if (real.length > 0) result(`\n${realText(real)}`);
  if (replay !== undefined) result(replayText(replay));
}

function modelOf(
  chosen: Arguments,
  cells: readonly Cell[],
  real: readonly RealModel[],
  replay: ReplayModel | undefined,
): ReportModel {
  const { taking, absent } = contestants('spill');
  const settings: [string, string][] =
    replay === undefined
      ? [
          ['guest', `${chosen.guestBytes / MIB} MiB`],
          ['pre-image store', `${chosen.preImagesMaxBytes / MIB} MiB`],
          ['seed', String(chosen.seed)],
          ['runs', String(cells.length)],
        ]
      : [];
  return buildModel({
    title: replay === undefined ? 'Limiter lab' : 'Limiter lab: a recorded run',
    settings,
    cells,
    contestants: taking,
    absent,
    real,
    ...(replay === undefined ? {} : { replay }),
  });
}
