import { PageStreamError } from './error.ts';
import { FORMAT_VERSION, FRAME_HEADER_BYTES } from './frame-header.ts';
import type { Hello, HelloFrame, Role } from './frames.ts';
import { lowerLimits, type StreamLimits } from './limits.ts';

/**
 * What this side can read. `limits` are those that the decoder was given, `features` what `readableFeatures` says of it: none are
 * announced unless they are given.
 */
export function ownHello(role: Role, limits?: Partial<StreamLimits>, features = 0): Hello {
  const { maxSkippedFrames: _, ...announced } = lowerLimits(limits);
  return {
    role,
    versionMin: FORMAT_VERSION,
    versionMax: FORMAT_VERSION,
    features,
    limits: announced,
  };
}

/** The highest format version that both sides have. Throws STREAM_VERSION when there is none. */
export function chooseVersion(ours: Hello, theirs: HelloFrame): number {
  const version = Math.min(ours.versionMax, theirs.versionMax);
  if (version >= Math.max(ours.versionMin, theirs.versionMin)) return version;
  const message = `we have versions ${ours.versionMin} to ${ours.versionMax}, the ${theirs.role} ${theirs.versionMin} to ${theirs.versionMax}`;
  throw new PageStreamError('STREAM_VERSION', theirs.offset + FRAME_HEADER_BYTES, message);
}
