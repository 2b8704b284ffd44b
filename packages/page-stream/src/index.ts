export {
  agreeChunks,
  type ChunkOptions,
  type CompressionOptions,
  DEFAULT_CHUNK_BYTES,
} from './chunk-options.ts';
export type { PageCodec } from './codec.ts';
export { ControlEncoder } from './control-encoder.ts';
export { type DecoderOptions, PageStreamDecoder } from './decoder.ts';
export { PageStreamEncoder } from './encoder.ts';
export type { EncodedPages, EncoderOptions, StateInput } from './encoder-options.ts';
export { isPageStreamErrorCode, PageStreamError, type PageStreamErrorCode } from './error.ts';
export { FORMAT_VERSION } from './frame-header.ts';
export type { StreamFrom } from './frame-order.ts';
export { featureNames, features, readableFeatures } from './features.ts';
export type * from './frames.ts';
export { type ChunkKind, chunkKinds } from './layout/chunks.ts';
export type { ParentIdentity } from './layout/parent.ts';
export { CHUNK_WORDS, chunkWord, firstUnitOf, packMethods } from './chunk-table.ts';
export type { ChunkPacker, PackedSlab, PackMethod, PackRequest } from './packer.ts';
export { type PageReader, type ParentImage, sameLayout } from './page-reader.ts';
export { formatDigest } from './image-digest.ts';
export {
  type ImageHead,
  type ImageIdentity,
  readIdentity,
  readImageHead,
  readImageRegions,
} from './image-identity.ts';
export type { IndexEntry } from './layout/index-part.ts';
export * from './limits.ts';
export * from './migration/index.ts';
export { chooseVersion, ownHello } from './negotiate.ts';
export type { PageRun, RegionEntry } from './page-run.ts';
export { SeriesAccount } from './series-account.ts';
export { SLABS_UNDER_WAY_MAX } from './pack-order.ts';
export { pureCodec } from './pure-codec.ts';
export * from './session/index.ts';
export { StateCollector } from './state-collector.ts';
export { unpackLz4 } from './unpack-lz4.ts';
export { type LostPages, Salvage, type SalvagedPages, salvageImage } from './salvage.ts';
export type { StoredBlock, StoredExtent } from './stored-block.ts';
export { openImage, type OpenOptions, StoredImage } from './stored-image.ts';
export type { PagePlace } from './stored-pages.ts';
export type { ReadAt } from './stored-frames.ts';
export { type ChunksSummary, type FrameSummary, type PagesSummary, walkFrames } from './walk.ts';
