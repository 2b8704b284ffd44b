import { type PageCodec, pureCodec, type StoredImage } from '@stillframe/page-stream';
import { Mapping, type PageOrder, PageServer } from '@stillframe/uffd';
import { type FillOptions, ImageFill } from './image-fill.ts';
import { type ImageFiles, openFiles } from './image-files.ts';

export interface LazyOptions extends Omit<FillOptions, 'pagesPerPage'> {
  /** For what is read of the image right away: its head, state and index. Default: the one in JavaScript. */
  readonly codec?: PageCodec;
  /** Bound on fetching ahead, in bytes a second; 0: on first touch only. Default 0. */
  readonly prefetchBytesPerSecond?: number;
  /** What is fetched ahead first, e.g. of `readWorkingSet`. */
  readonly order?: readonly PageOrder[];
}

/**
 * The memory of an image at once; its pages come when they are first touched, or ahead.
 *
 * Any thread may touch it, the one that runs this JavaScript too: it sleeps until the page is there, typically for less than a millisecond.
 * A page that is damaged in the image is never zeros: who touches it gets SIGBUS, which ends the process, and the file is to blame
 * (`onLost`, if this thread is not the one that touches). Checksums are checked page by page; the digest of the whole is not.
 *
 * Lifetime: the memory is given back by disposing; views of it have length 0 then. The image files have to stay as they are until then.
 */
export class LazyMemory implements AsyncDisposable {
  readonly image: StoredImage;
  readonly server: PageServer;
  /** By region. */
  readonly views: readonly Uint8Array[];
  readonly #mappings: readonly Mapping[];
  readonly #fill: ImageFill;

  private constructor(image: StoredImage, server: PageServer, mappings: readonly Mapping[], fill: ImageFill) {
    this.image = image;
    this.server = server;
    this.#mappings = mappings;
    this.views = mappings.map(({ buffer }) => new Uint8Array(buffer));
    this.#fill = fill;
  }

  /**
   * @throws PageStreamError for an image that cannot be opened; damage within it shows later.
   * @throws UffdError where userfaultfd is not permitted.
   */
  static async open(files: ImageFiles, options: LazyOptions = {}): Promise<LazyMemory> {
    const { codec = pureCodec, order = [], prefetchBytesPerSecond = 0 } = options;
    const image = openFiles(files, codec);
    const mappings: Mapping[] = [];
    let server: PageServer | undefined;
    try {
      for (const { sizeBytes } of image.regions) mappings.push(new Mapping({ sizeBytes }));
      server = PageServer.open(mappings.map((memory) => ({ memory })));
      const [{ pageSize } = { pageSize: 4096 }] = mappings;
      const large = image.regions.find((region) => region.pageSize !== pageSize);
      if (large !== undefined) {
        throw new RangeError(
          `region ${large.name} has pages of ${large.pageSize} bytes, this machine of ${pageSize}`,
        );
      }
      const fill = await ImageFill.start(server, files, options);
      if (prefetchBytesPerSecond > 0) server.prefetch(order, prefetchBytesPerSecond);
      return new LazyMemory(image, server, mappings, fill);
    } catch (error) {
      server?.close({ missing: 'zero' });
      for (const mapping of mappings) mapping.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nobody can see the zeros: the memory goes away before anything else runs.
    this.server.close({ missing: 'zero' });
    for (const mapping of this.#mappings) mapping.close();
    await this.#fill[Symbol.asyncDispose]();
  }
}
