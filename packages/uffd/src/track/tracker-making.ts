import type { Feature } from '../abi.ts';
import type { CaptureRegion, EngineRegion, ResolvedRegion } from '../capture-region.ts';
import { foreignWords, ownWords } from '../capture-words.ts';
import { UffdError } from '../errors.ts';
import { openPagemap } from '../pagemap.ts';
import { closeFd } from '../process.ts';
import { Userfaultfd } from '../userfaultfd.ts';
import { asyncTraits, trackFeatures, type TrackKind } from './track-kind.ts';
import { TrackError } from './track-error.ts';

/** What a native tracker is made of. */
export interface TrackerMaking {
  readonly kind: TrackKind;
  readonly isForeign: boolean;
  readonly uffd: Userfaultfd;
  readonly regions: readonly EngineRegion[];
  readonly words: BigUint64Array;
  /** Duplicated by the native tracker. */
  readonly pagemapFd: number;
  readonly holesAreWritten: boolean;
  /** Pages that are not there cannot be protected, and are made to be there first. */
  readonly populates: boolean;
  readonly keptAlive: readonly object[];
  /** Once the native tracker is made, or not. */
  cleanUp(): void;
}

/** Of this process. @throws as `DirtyTracker.open`. */
export function makeOwn(
  regions: readonly ResolvedRegion[],
  memory: readonly CaptureRegion[],
  options: { readonly kind?: TrackKind; readonly userModeOnly?: boolean },
): TrackerMaking {
  const kind = options.kind ?? bestKind();
  const special = regions.some((region) => region.isShared || region.isHugetlb);
  const { uffd, holes } = openFor(kind, special, options.userModeOnly === true);
  try {
    for (const region of regions) uffd.register(region, ['WP']);
    const pagemapFd = openPagemap();
    return {
      kind,
      isForeign: false,
      uffd,
      regions,
      words: ownWords(regions, holes),
      pagemapFd,
      holesAreWritten: kind === 'async' && asyncTraits().holesAreWritten,
      populates: !holes,
      keptAlive: memory.map((region) => region.memory),
      cleanUp: () => closeFd(pagemapFd),
    };
  } catch (error) {
    uffd.close();
    throw error;
  }
}

/** Of another process. @throws as `DirtyTracker.open`. */
export function makeForeign(memory: {
  readonly uffd: Userfaultfd;
  readonly pagemapFd: number;
  readonly regions: readonly EngineRegion[];
  readonly kind: TrackKind;
}): TrackerMaking {
  const { kind, uffd, pagemapFd, regions } = memory;
  const holesAreWritten = kind === 'async' && asyncTraits().holesAreWritten;
  for (const region of regions) uffd.register(region, ['WP']);
  return {
    kind,
    isForeign: true,
    uffd,
    regions,
    words: foreignWords(regions),
    pagemapFd,
    holesAreWritten,
    populates: false,
    keptAlive: [],
    cleanUp: () => undefined,
  };
}

/** Foreign memory is never populated by us: WP_UNPOPULATED is a must (Linux 6.4). */
export function foreignTrackFeatures(kind: TrackKind): readonly Feature[] {
  return trackFeatures(kind, { special: true, holes: true });
}

/** `async` where this kernel can. */
export function bestKind(): TrackKind {
  try {
    asyncTraits();
    return 'async';
  } catch (error) {
    if (!(error instanceof TrackError)) throw error;
    return 'sync';
  }
}

function openFor(
  kind: TrackKind,
  special: boolean,
  userModeOnly: boolean,
): { uffd: Userfaultfd; holes: boolean } {
  if (kind === 'async') {
    asyncTraits();
    // Nobody waits for anybody, so writes by the kernel are noted without the privilege as well.
    const features = trackFeatures(kind, { special, holes: true });
    return { uffd: Userfaultfd.open({ features, userModeOnly: true }), holes: true };
  }
  try {
    const features = trackFeatures(kind, { special, holes: true });
    return { uffd: Userfaultfd.open({ features, userModeOnly }), holes: true };
  } catch (error) {
    if (!(error instanceof UffdError) || error.code !== 'UFFD_EINVAL') throw error;
    const features = trackFeatures(kind, { special, holes: false });
    return { uffd: Userfaultfd.open({ features, userModeOnly }), holes: false };
  }
}
