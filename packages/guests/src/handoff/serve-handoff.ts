import type { StoredImage } from '@stillframe/page-stream';
import { closeFd, type PageOrder, PageServer, Userfaultfd } from '@stillframe/uffd';
import { type FillOptions, ImageFill, type ImageFiles } from '../lazy/index.ts';
import { layOut } from './layout.ts';
import type { Handoff } from './receive-handoff.ts';

export interface ServeHandoffOptions extends Omit<FillOptions, 'pagesPerPage'> {
  /** Bound on fetching ahead, in bytes a second; 0: on first touch only. Default 0. */
  readonly prefetchBytesPerSecond?: number;
  readonly order?: readonly PageOrder[];
}

/**
 * The page-fault handler of a virtual machine: its memory is that of an image, and comes when it is first touched. What its balloon gives
 * back (REMOVE) is zeros on the next touch. A page that is damaged in the image ends the machine by SIGBUS when it is touched; so does
 * closing this before all pages have come.
 */
export class ServedMachine implements AsyncDisposable {
  readonly server: PageServer;
  readonly #fill: ImageFill;

  private constructor(server: PageServer, fill: ImageFill) {
    this.server = server;
    this.#fill = fill;
  }

  /**
   * Takes the descriptors over, also when it throws.
   * @throws HandoffError HANDOFF_LAYOUT when the machine does not fit the image.
   */
  static async start(
    { mappings, uffd, memoryFd }: Handoff,
    image: StoredImage,
    files: ImageFiles,
    options: ServeHandoffOptions = {},
  ): Promise<ServedMachine> {
    const { order = [], prefetchBytesPerSecond = 0 } = options;
    let adopted: Userfaultfd | undefined;
    let server: PageServer | undefined;
    try {
      const { pageSize, regions, views } = layOut(mappings, image.regions);
      adopted = Userfaultfd.adopt(uffd);
      server = PageServer.openForeign({
        uffd: adopted,
        regions: regions.map(({ sizeBytes, fileOffset }) => {
          const region = { sizeBytes, pageSize };
          return memoryFd === undefined
            ? region
            : Object.assign(region, { file: { fd: memoryFd, fileOffset } });
        }),
        views,
      });
      const fill = await ImageFill.start(server, files, {
        ...options,
        pagesPerPage: pageSize / image.regions[0]!.pageSize,
      });
      if (prefetchBytesPerSecond > 0) server.prefetch(order, prefetchBytesPerSecond);
      return new ServedMachine(server, fill);
    } catch (error) {
      server?.close();
      if (adopted === undefined) closeFd(uffd);
      else adopted.close();
      throw error;
    } finally {
      if (memoryFd !== undefined) closeFd(memoryFd);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    await this.#fill[Symbol.asyncDispose]();
  }
}
