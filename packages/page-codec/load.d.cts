/** What the addon exports; `src/index.ts` documents it. */
declare const addon: {
  readonly crc32c: (bytes: Uint8Array, seed?: number) => number;
  readonly appendCrc: (crc: number, tailCrc: number, tailBytes: number) => number;
  readonly findZeroRuns: (pages: Uint8Array, pageSize: number, runLengths: Uint32Array) => number;
  readonly digestRun: (
    pages: Uint8Array,
    seed: number,
    region: number,
    firstUnit: number,
    digest: Uint32Array,
  ) => number;
  readonly digestPages: (
    pages: Uint8Array,
    seed: number,
    region: number,
    firstUnit: number,
    pageSize: number,
    terms: Uint32Array,
  ) => number;
  readonly unpackLz4: (stored: Uint8Array, pages: Uint8Array) => boolean;
  readonly unpackZstd: (stored: Uint8Array, pages: Uint8Array) => boolean;
  readonly hashPages: (
    pages: Uint8Array,
    pageSize: number,
    seedLow: number,
    seedHigh: number,
    hashes: Uint32Array,
  ) => void;
  readonly Packer: new (
    threads: number,
    onDone: (
      ticket: number,
      done: boolean,
      packed: boolean,
      digestLow: number,
      digestHigh: number,
      storedCrc: number,
    ) => void,
  ) => {
    submit(
      ticket: number,
      pages: Uint8Array,
      base: Uint8Array | undefined,
      out: Uint8Array,
      table: Uint32Array,
      region: number,
      level: number,
      minSaving: number,
    ): void;
    close(): void;
  };
  readonly implementation: 'x64-avx512' | 'x64-sse4.2' | 'arm64-crc' | 'portable';
  readonly hardware: boolean;
};
export = addon;
