import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CutMark,
  type Guest,
  type SnapshotRun,
  type SnapshotSummary,
  takeSnapshot,
} from '@stillframe/snapshot';
import { SeriesAccount } from '@stillframe/page-stream';
import type { SealKey } from '@stillframe/sealed-file';
import { pageCodec } from '../codec.ts';
import type { Controls } from '../control/controls.ts';
import { imageOpener } from '../io/image-file.ts';
import { type FileSinkOptions, openFileSink } from '../io/file-sink.ts';
import type { CaptureChoice } from '../options/capture-options.ts';
import type { SeriesChoice } from '../options/series-options.ts';
import { type Packing, packedBy } from '../packing.ts';
import type { Report } from '../report/report.ts';
import { showBytes, showMs } from '../report/units.ts';
import { type OpenParent, openParent } from './parent-image.ts';

export interface ImageSeriesOptions {
  /** Of the first image. */
  readonly out: string;
  readonly series: SeriesChoice;
  readonly capture: CaptureChoice;
  readonly packing: Packing;
  readonly controls: Controls;
  readonly report: Report;
  /** Of the first image; the series disposes of it. */
  readonly parent: OpenParent | undefined;
  /** Seals all images, and opens the parent's. */
  readonly key?: SealKey | undefined;
  /** Looks at each image before it gets its name, with the images that it may build on. */
  readonly check?: (path: string, parents: readonly string[], signal: AbortSignal) => Promise<void>;
}

/** An image that is there. */
export interface SeriesImage {
  readonly path: string;
  /** Whether it builds on the one before. */
  readonly isIncrement: boolean;
  readonly pages: number;
  readonly inheritedPages: number;
  readonly bytes: number;
  readonly durationMs: number;
  readonly pauseMs: number;
  readonly digest: string;
}

/** Where image `number` of a series goes, from 0. */
export function seriesPath(out: string, number: number): string {
  return number === 0 ? out : `${out}.${number}`;
}

/**
 * Pictures of one guest, each an increment of the one before, with what changed in between noted by the guest where it can. One is a
 * series, too.
 *
 * Every image is complete under its name before the next begins; what fails later takes none of them back.
 */
export class ImageSeries implements AsyncDisposable {
  readonly images: SeriesImage[] = [];
  readonly #options: ImageSeriesOptions;
  readonly #paths: string[];
  readonly #account = new SeriesAccount();
  #parent: OpenParent | undefined;
  #mark: CutMark | undefined;
  #startedMs = 0;

  constructor(options: ImageSeriesOptions) {
    this.#options = options;
    this.#parent = options.parent;
    this.#paths = [...(options.parent?.paths ?? [])];
  }

  /** Starts the next image. */
  async start(guest: Guest): Promise<SnapshotRun> {
    const { controls, capture, packing, series } = this.#options;
    this.#startedMs = performance.now();
    const isLast = this.images.length + 1 === series.count;
    const parent = this.#parent?.image;
    // Of use only to an image that follows, so a single one does not fill it.
    const account = series.count === 1 ? {} : { account: this.#account };
    controls.expectMore(!isLast);
    return controls.follow(
      takeSnapshot({
        guest,
        sink: await openFileSink(this.#path, this.#sinkOptions(guest)),
        ...controls.snapshotOptions(guest),
        capture: {
          ...capture.capture,
          notesChanges: !isLast,
          ...(this.#mark === undefined || parent === undefined ? {} : { changedSince: this.#mark }),
        },
        codec: pageCodec,
        ...packedBy(packing),
        chunks: { ...packing.chunks, ...account, index: true, ...(parent === undefined ? {} : { parent }) },
        signal: controls.signal,
      }),
    );
  }

  /** Takes note of the image that is there now, and starts the next one when it is its time; undefined after the last. */
  async next(guest: Guest, summary: SnapshotSummary): Promise<SnapshotRun | undefined> {
    const { series, controls } = this.#options;
    this.#tell(summary);
    if (this.images.length === series.count) return undefined;
    const lastPath = this.images.at(-1)!.path;
    this.#paths.push(lastPath);
    this.#mark = summary.mark;
    await this.#parent?.[Symbol.asyncDispose]();
    this.#parent = undefined;
    this.#parent = await openParent(lastPath, {
      parents: this.#paths.slice(0, -1),
      mayBeUnused: true,
      open: imageOpener(this.#options.key),
      isTrusted: summary.mark !== undefined,
    });
    const waitMs = Math.max(0, this.#startedMs + series.everyMs - performance.now());
    await sleep(waitMs, undefined, { signal: controls.signal }).catch(() => undefined);
    controls.signal.throwIfAborted();
    return await this.start(guest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parent?.[Symbol.asyncDispose]();
    this.#parent = undefined;
  }

  get #path(): string {
    return seriesPath(this.#options.out, this.images.length);
  }

  #sinkOptions({ regions }: Guest): FileSinkOptions {
    const { check, key } = this.#options;
    const neededBytes = regions.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (check === undefined) return { key, neededBytes };
    const parents = [...this.#paths];
    return { key, neededBytes, check: (path, signal) => check(path, parents, signal) };
  }

  #tell(summary: SnapshotSummary): void {
    const { report, series } = this.#options;
    const { pages, bytes, durationMs, pauseMs, digest, packing } = summary;
    const { isIncrement, inheritedPages } = packing;
    const path = this.#path;
    if (this.#parent !== undefined && !isIncrement) {
      report.talk(`${path} is complete in itself: the guest has other memory than its parent`);
    }
    const image = { path, isIncrement, pages, inheritedPages, bytes, durationMs, pauseMs, digest };
    this.images.push(image);
    if (series.count === 1) return;
    report.talk(
      `${path}: ${showBytes(bytes)} in ${showMs(durationMs)}${isIncrement ? ', an increment' : ''}`,
    );
    report.event({ type: 'image', number: this.images.length - 1, ...image });
  }
}

/** A line for each image; nothing for a single one. */
export function seriesText(images: readonly SeriesImage[]): string {
  if (images.length === 1) return '';
  return images
    .map(
      ({ path, bytes, durationMs, isIncrement }) =>
        `  ${path}: ${showBytes(bytes)} in ${showMs(durationMs)}${isIncrement ? ', an increment' : ''}\n`,
    )
    .join('');
}
