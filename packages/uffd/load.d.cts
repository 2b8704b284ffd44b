// The addon as it is: one system call per function, arguments unchecked beyond their kind. Results follow the kernel's convention:
// a value, or an errno negated. Addresses, lengths and masks are bigint; descriptors and flags are number. The wrappers in src/ check
// arguments before and turn errnos into UffdError after.

declare namespace native {
  /** A descriptor that is closed by `close()`, by garbage collection, or at the end of the environment. */
  interface OwnedFd {
    /** -1 after `close` or `release`. */
    readonly fd: number;
    close(): number;
    release(): number;
  }
  /** A range that is unmapped by `unmap()`, or when this object and its buffer are both garbage, or at the end of the environment. */
  interface OwnedMapping {
    buffer(): ArrayBuffer;
    unmap(): number;
  }
  /** See native/binding/capture_binding.cc. The descriptor is the engine's from construction on, unless that throws. */
  interface CaptureEngine {
    armAhead(maxBytes: bigint): boolean;
    arm(regions: BigUint64Array | null): number;
    /** Each slab as [id, cause, spilled, bytes, held since, first page, pages, zero, first page, pages, zero …]. */
    pull(maxSlabs: number): Float64Array[];
    slabMemory(id: number): ArrayBuffer;
    release(id: number): void;
    grant(pages: bigint, notBeforeNs: number): void;
    readyOrNotify(): boolean;
    keepAlive(alive: boolean): void;
    stats(numbers: Float64Array, waitCounts: Float64Array | null): void;
    /** Instead of `close`, which then ends it. false: it cannot, and has closed. */
    watch(): boolean;
    /** Triples of region, first page, pages; null without an earlier cut. */
    unchanged(): Uint32Array | null;
    stopSweep(): void;
    close(): void;
    free(): void;
  }
  /** See native/binding/track_binding.cc. The descriptor is the tracker's from construction on, unless that throws. */
  interface DirtyTracker {
    /** 0 collect, 1 count, 2 start. What an unfinished step has collected is kept for the next. */
    begin(step: number): void;
    /** 1: more to do; 0: done; an errno negated. */
    step(maxBytes: bigint): number;
    /** What was collected, or counted, as triples of region, first page, pages; then forgotten. */
    take(): Uint32Array;
    use(regions: BigUint64Array): number;
    /** Whether writers can be kept waiting. */
    brake(delayNs: number, maxShare: number): boolean;
    /** Faults, nanoseconds in which somebody was held. */
    counts(): Float64Array;
    close(): void;
  }
  /** See native/binding/serve_binding.cc. Descriptors are duplicated. */
  interface PageServer {
    id(): number;
    /** 0, -1 for memory that does not fit, or an errno. */
    addView(region: number, address: bigint, sizeBytes: bigint): number;
    /** `places`: for each region, the region and the first page at the other side. False: not those of all regions. The descriptor is taken. */
    askOn(fd: number, places: Float64Array): boolean;
    /** Triples of region, page, CRC32C. */
    takeArrivals(): Float64Array;
    /** `order`: triples of region, first page, pages. */
    prefetch(order: Float64Array, bytesPerSecond: number): void;
    /** Triples of region, first page, pages. */
    touched(): Float64Array;
    missing(): Float64Array;
    stats(numbers: Float64Array, waitCounts: Float64Array): void;
    ownerGone(): boolean;
    close(poisons: boolean): void;
  }
  /** Results are pages, or -1 for what does not exist. */
  interface PageFiller {
    /** Words of four: region, first page, pages, 1 if somebody waits plus 2 if their block is bad. */
    take(max: number): Float64Array;
    readyOrNotify(): boolean;
    keepAlive(alive: boolean): void;
    serverClosed(): boolean;
    install(region: number, firstPage: number, bytes: Uint8Array): number;
    installZero(region: number, firstPage: number, pages: number): number;
    fail(region: number, firstPage: number, pages: number): number;
    /** Each: fd, offset, bytes, CRC, extents; then for each extent region, first page, pages, offset in the block or -1 for zeros. */
    addBlocks(words: Float64Array): boolean;
    close(): void;
  }
  interface FaultAnswerer {
    serve(): void;
    pages(): number;
    bytes(): number;
    lost(): boolean;
    close(): void;
  }
  type Resolve = (fd: number, address: bigint, sizeBytes: bigint, mode: bigint) => number;
  interface Native {
    readonly OwnedFd: new (fd: number) => OwnedFd;
    readonly OwnedMapping: new (address: bigint, sizeBytes: bigint) => OwnedMapping;
    readonly CaptureEngine: new (
      fd: number,
      regions: BigUint64Array,
      maxBytes: bigint,
      overflow: number,
      spillDirectory: string,
      onReady: () => void,
      /** Kept alive until the engine is closed: garbage collection must not unmap armed memory. */
      keptAlive: readonly object[],
      /** Of /proc/PID/mem, stays the caller's; -1: this process. */
      memoryFd: number,
      /** The regions are not registered yet. */
      registers: boolean,
      /** When the guest throws pages away that are not captured: 0 fail, 1 zeros. */
      discarded: number,
      notesChanges: boolean,
      /** One that watches the same regions: its userfaultfd is used instead of `fd`, and it is closed. */
      earlier: CaptureEngine | null,
    ) => CaptureEngine;
    readonly DirtyTracker: new (
      isAsync: boolean,
      fd: number,
      regions: BigUint64Array,
      /** Of /proc/PID/pagemap, duplicated; -1 for sync. */
      pagemapFd: number,
      holesAreWritten: boolean,
      populates: boolean,
      /** Kept alive until the tracker is closed. */
      keptAlive: readonly object[],
    ) => DirtyTracker;
    readonly PageServer: new (
      fd: number,
      /** Where pages are put into files; -1: `fd`. */
      installFd: number,
      /** Triples: bytes, bytes in a page, where its file is mapped in this process or 0. */
      regions: BigUint64Array,
      /** Words of four: region, address, first page, pages. */
      views: BigUint64Array,
    ) => PageServer;
    readonly PageFiller: new (serverId: number, onReady: () => void) => PageFiller;
    readonly FaultAnswerer: new (
      /** Taken. */
      fd: number,
      greeting: Uint8Array,
      /** Triples: address, bytes, bytes in a page. */
      regions: BigUint64Array,
    ) => FaultAnswerer;
    /** A descriptor, or an errno negated. */
    duplicateConnection(
      localAddress: string,
      localPort: number,
      remoteAddress: string,
      remotePort: number,
    ): number;
    detach(buffer: ArrayBuffer): void;
    closeFd(fd: number): number;

    uffdOpen(flags: number): number;
    uffdOpenFromDevice(deviceFd: number, flags: number): number;
    /** `words`: struct uffdio_api, in and out. */
    uffdApi(fd: number, words: BigUint64Array): number;
    uffdRegister(fd: number, address: bigint, sizeBytes: bigint, mode: bigint): bigint;
    uffdUnregister(fd: number, address: bigint, sizeBytes: bigint): number;
    uffdWake(fd: number, address: bigint, sizeBytes: bigint): number;
    uffdCopy(fd: number, to: bigint, from: bigint, sizeBytes: bigint, mode: bigint): number;
    readonly uffdZeropage: Resolve;
    readonly uffdWriteprotect: Resolve;
    readonly uffdContinue: Resolve;
    readonly uffdPoison: Resolve;
    uffdMove(fd: number, to: bigint, from: bigint, sizeBytes: bigint, mode: bigint): number;
    uffdRead(fd: number, messages: Uint8Array): number;
    poll(fd: number, events: number, timeoutMs: number): number;

    mmap(
      address: bigint,
      sizeBytes: bigint,
      protection: number,
      flags: number,
      fd: number,
      offset: bigint,
    ): bigint;
    munmap(address: bigint, sizeBytes: bigint): number;
    mremap(address: bigint, oldBytes: bigint, newBytes: bigint, flags: number, newAddress: bigint): bigint;
    mprotect(address: bigint, sizeBytes: bigint, protection: number): number;
    madvise(address: bigint, sizeBytes: bigint, advice: number): number;
    mlock2(address: bigint, sizeBytes: bigint, flags: number): number;
    munlock(address: bigint, sizeBytes: bigint): number;
    memfdCreate(name: string, flags: bigint): number;
    addSeals(fd: number, seals: number): number;
    getSeals(fd: number): number;
    pageSize(): number;
    addressOf(bytes: Uint8Array): bigint;

    /** `words`: struct pm_scan_arg, in and out; `regions`: struct page_region, out. */
    pagemapScan(pagemapFd: number, words: BigUint64Array, regions: BigUint64Array): number;
    /** `mapping`, out: start, end, page size, inode, 1 if shared; of the mapping at `address` or the next one. */
    procmapQuery(mapsFd: number, address: bigint, mapping: BigUint64Array): number;

    /** `ranges`: pairs of address and length. */
    processVmReadv(pid: number, into: Uint8Array, ranges: BigUint64Array): number;
    pidfdOpen(pid: number, flags: number): number;
    pidfdGetfd(pidfd: number, targetFd: number): number;
    robustList(tid: number): bigint;
    kcmpVm(pid: number, otherPid: number): number;
    seekHole(fd: number, offset: bigint, data: boolean): number;

    socketPair(type: number, pair: Int32Array): number;
    sendFds(socket: number, fds: Int32Array, bytes: Uint8Array, flags: number): number;
    /** Returns bytes or errno negated, and the message's flags. */
    receiveFds(socket: number, into: Uint8Array, flags: number, fds: number[]): [number, number];
  }
}

declare const native: native.Native;
export = native;
