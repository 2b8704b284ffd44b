/** What the addon exports; `src/index.ts` documents it. */
declare const addon: {
  readonly crc32c: (bytes: Uint8Array, seed?: number) => number;
  readonly findZeroRuns: (pages: Uint8Array, pageSize: number, runLengths: Uint32Array) => number;
  readonly digestRun: (
    pages: Uint8Array,
    seed: number,
    region: number,
    firstUnit: number,
    digest: Uint32Array,
  ) => number;
  readonly implementation: 'x64-avx512' | 'x64-sse4.2' | 'arm64-crc' | 'portable';
  readonly hardware: boolean;
};
export = addon;
