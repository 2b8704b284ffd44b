import type { StoredImage } from '@stillframe/page-stream';
import type { PageFiller, PageRequest } from '@stillframe/uffd';

/** Pages of the image that cannot be had. */
export interface LostRun {
  readonly region: number;
  readonly firstPage: number;
  readonly pageCount: number;
  /** What is wrong with them. */
  readonly message: string;
}

/** Requests that are answered in one turn of the event loop. */
const REQUESTS_AT_ONCE = 16;

export interface ImageFillerOptions {
  readonly image: StoredImage;
  /** Of the image, when all pages of it lie in that one file; -1 for a chain, whose pages are always read here. */
  readonly fd: number;
  /** Pages of the image in a page of the memory. Default 1. */
  readonly pagesPerPage?: number;
  readonly onLost: (lost: LostRun) => void;
}

/**
 * Answers a page server from a stored image. What lies in the file unpacked it only points out, frame by frame, and the server reads it
 * natively from then on; the rest is read, checked and unpacked here. What is damaged is given up, and told.
 */
export class ImageFiller {
  readonly #filler: PageFiller;
  readonly #options: ImageFillerOptions;
  /** Frames whose blocks the server knows: what it asked for before it knew them, it finds by itself. */
  readonly #known = new Set<number>();

  constructor(filler: PageFiller, options: ImageFillerOptions) {
    this.#filler = filler;
    this.#options = options;
  }

  /** Until the server is closed, or its owner is gone. */
  async run(): Promise<void> {
    while (!this.#filler.isServerClosed) {
      const requests = this.#filler.takeRequests(REQUESTS_AT_ONCE);
      for (const request of requests) this.#answer(request);
      // oxlint-disable-next-line no-await-in-loop -- faults that come meanwhile are to be taken first
      if (requests.length === 0) await this.#filler.wait(true);
    }
  }

  #answer({ region, firstPage, pageCount, isBlockBad }: PageRequest): void {
    const { pagesPerPage = 1 } = this.#options;
    for (let page = firstPage; page < firstPage + pageCount; ) {
      try {
        page =
          pagesPerPage === 1
            ? this.#bring(region, page, isBlockBad)
            : this.#assemble(region, page, pagesPerPage);
      } catch (error) {
        this.#giveUp(region, page, error);
        page += 1;
      }
    }
  }

  /** Returns the first page behind those that have been dealt with. */
  #bring(region: number, page: number, isBlockBad: boolean): number {
    const { image, fd } = this.#options;
    const { kind, firstPage, pageCount, frameOffset } = image.locate(region, page);
    const end = firstPage + pageCount;
    const isPlain = kind === 'zero' || kind === 'data';
    if (isPlain && fd >= 0 && !isBlockBad) {
      if (this.#known.has(frameOffset)) return end;
      this.#known.add(frameOffset);
      this.#filler.addBlocks(fd, image.blocksAt(region, page));
      return end;
    }
    if (kind === 'zero') {
      this.#filler.installZero(region, page, 1);
      return page + 1;
    }
    // All of a chunk was unpacked for one page of it.
    const first = kind === 'parent' || kind === 'same-as' ? page : firstPage;
    const count = kind === 'parent' || kind === 'same-as' ? 1 : pageCount;
    const bytes = new Uint8Array(count * image.regions[region]!.pageSize);
    image.readPages(region, first, bytes);
    this.#filler.install(region, first, bytes);
    return first + count;
  }

  /** A page of the memory out of several of the image. */
  #assemble(region: number, page: number, pagesPerPage: number): number {
    const { image } = this.#options;
    const bytes = new Uint8Array(pagesPerPage * image.regions[region]!.pageSize);
    image.readPages(region, page * pagesPerPage, bytes);
    this.#filler.install(region, page, bytes);
    return page + 1;
  }

  #giveUp(region: number, firstPage: number, error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    // First, because who waits for the page may be this process, and then ends.
    this.#options.onLost({ region, firstPage, pageCount: 1, message });
    this.#filler.fail(region, firstPage, 1);
  }
}
