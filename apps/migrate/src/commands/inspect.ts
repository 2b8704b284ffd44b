import { decodeProcessState, isProcessStateKind, type ProcessState } from '@stillframe/guests/core';
import { type FrameSummary, formatDigest } from '@stillframe/page-stream';
import type { Command } from 'commander';
import type { CliContext } from '../cli.ts';
import { openImageFile } from '../io/image-file.ts';
import { addKeyOptions, chooseKey, type KeyFlags } from '../options/key-options.ts';
import { tellDamage } from '../report/damage.ts';
import { frameText, inspectText } from '../report/inspect-text.ts';
import { machineOf } from '../qemu/machine-image.ts';
import { processObject } from '../report/process-text.ts';
import { noteSalvaged } from '../salvaged-note.ts';
import { type ImageSurvey, surveyImage } from '../survey-image.ts';

interface InspectFlags extends KeyFlags {
  readonly frames?: boolean;
  readonly json?: boolean;
}

/** `migrate inspect`: what an image says it is, without reading its pages. */
export function addInspect(root: Command, context: CliContext): void {
  const command = root
    .command('inspect')
    .description('show what is in an image: regions, state, how its pages are stored, parent, index, digest')
    .argument('<PATH>', 'an image file')
    .option('--frames', 'list every frame with its byte offset')
    .option('--json', 'JSON lines on stdout, a summary last');
  addKeyOptions(command)
    .addHelpText(
      'after',
      `
Reads headers and run tables, not pages, so it is quick however large the image is; \`migrate verify\` checks every byte. An increment
needs no parent here. A damaged image ends with exit code 13 and the byte offset of the damage.

Examples:
  migrate inspect image.sfp
  migrate inspect image.sfp --frames --json | head
`,
    )
    .action((path: string, flags: InspectFlags) => inspect(path, flags, context));
}

async function inspect(path: string, flags: InspectFlags, context: CliContext): Promise<void> {
  const report = context.report(flags.json === true);
  const showFrame = (frame: FrameSummary) =>
    report.result(frameText(frame), { type: 'frame', ...frameObject(frame) });
  await using source = await openImageFile(path, { key: await chooseKey(flags, context) });
  const survey = await tellDamage(report, () =>
    surveyImage(source, {
      signal: context.signal,
      ...(flags.frames === true ? { onFrame: showFrame } : {}),
    }),
  );
  await noteSalvaged(path, survey.streamId, report);
  const { totals, stateBytes: _bytes, ...rest } = survey;
  const process = processOf(survey);
  const machine = machineOf(survey);
  report.result(inspectText(survey, source.sizeBytes, process, machine), {
    type: 'summary',
    outcome: 'done',
    path,
    bytes: source.sizeBytes,
    ...rest,
    ...(process === undefined ? {} : { process: processObject(process) }),
    ...(machine === undefined ? {} : { machine }),
    pages: totals.pages,
    zeroPages: totals.zeroPages,
    dataBytes: totals.dataBytes,
    digest: formatDigest(totals.digest),
    verified: false,
  });
}

/** Undefined for another guest, and for a state that cannot be read: the rest is shown all the same. */
function processOf({ state: { kind }, stateBytes }: ImageSurvey): ProcessState | undefined {
  if (!isProcessStateKind(kind)) return undefined;
  try {
    return decodeProcessState({ kind, bytes: stateBytes });
  } catch {
    return undefined;
  }
}

function frameObject({ type: _number, typeName, end, ...frame }: FrameSummary): object {
  return { frame: typeName, ...frame, ...(end === undefined ? {} : { digest: formatDigest(end.digest) }) };
}
