import { MigrationError } from '@stillframe/migration';
import { CliError } from '../cli-error.ts';
import type { HalfFile } from '../options/half-options.ts';
import { type Report, reportWarning } from '../report/report.ts';
import { showBytes, showCount } from '../report/units.ts';
import type { HalfNote } from './half-state.ts';
import { type GuestHalf, saveHalf } from './save-half.ts';

export interface KeepHalfOptions extends Pick<HalfNote, 'side'> {
  readonly file: HalfFile;
  readonly report: Report;
  /** 16 bytes. */
  readonly streamId: Uint8Array;
  readonly half: () => Promise<GuestHalf>;
}

/** Nobody knows who owns the guest, or half of it is elsewhere, and it stands still here for good. */
const IN_DOUBT: ReadonlySet<string> = new Set(['indeterminate', 'undecided', 'split']);

/**
 * A migration has failed: saves what is here if nobody else can be sure to have it. The result is the failure, which says where. What cannot
 * be saved is told, and is no other failure.
 */
export async function keepHalf(failure: unknown, options: KeepHalfOptions): Promise<unknown> {
  if (!(failure instanceof MigrationError && IN_DOUBT.has(failure.code))) return failure;
  const { file, report, side, streamId } = options;
  const { path } = file;
  try {
    const half = await options.half();
    const missingPages = half.missing.reduce((sum, { pageCount }) => sum + pageCount, 0);
    assertRight(failure, missingPages);
    const migration = Buffer.from(streamId).toString('hex');
    const { totals, bytes } = await saveHalf(file, half, { side, migration });
    report.talk(
      `saved what is here of the guest in ${path}: ${showCount(totals.pages - missingPages)} pages, ${showBytes(bytes)}; ${showCount(missingPages)} are only at the source`,
    );
    report.event({
      type: 'half',
      state: 'saved',
      path,
      side,
      migration,
      pages: totals.pages,
      missingPages,
      bytes,
    });
    return new MigrationError(failure.code, failure.message, {
      cause: failure.cause,
      operands: { ...failure.operands, half: path },
      hint: `What is here is saved in ${path}. If the other side has saved its half as well, \`migrate reconcile --join\` makes one guest of both.`,
    });
  } catch (error) {
    reportWarning(report, `what is here of the guest is not saved in ${path}`, error);
    report.event({ type: 'half', state: 'not-saved', path, side });
    return failure;
  }
}

/** Every page has come, and the memory is not what the source had: nobody may go on with it. */
function assertRight({ code, cause }: MigrationError, missingPages: number): void {
  const isWrong = cause instanceof MigrationError && cause.code === 'corrupt-stream';
  if (code !== 'split' || missingPages > 0 || !isWrong) return;
  throw new CliError('REFUSED', 'the memory that came is not that of the source', {
    hint: 'The source has all of it, as of the hand-over.',
  });
}
